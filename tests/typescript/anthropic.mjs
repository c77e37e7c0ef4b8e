// Anthropic's SDK for TypeScript, as a client of the proxy.

import assert from "node:assert/strict";
import Anthropic, { toFile } from "@anthropic-ai/sdk";

import { all, check, gone, proxies, received, run, thrown } from "./checks.mjs";

const apiKey = "sk-ant-outrider";
const client = new Anthropic({ apiKey, baseURL: proxies.main });
const messages = [{ role: "user", content: "Hello" }];
const asked = { model: "steady", max_tokens: 1024, messages };
const weather = {
  name: "weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const said = "You said: Hello, that is all.";

const textOf = (events) =>
  events
    .filter((event) => event.type === "content_block_delta")
    .map((event) => event.delta.text ?? "")
    .join("");

check("an answer is read with its usage, its request id and our headers", async () => {
  const { data, response, request_id } = await client.messages.create(asked).withResponse();
  assert.equal(data.content[0].text, said);
  assert.equal(data.usage.output_tokens, 6);
  assert.equal(data.usage.cache_read_input_tokens, 2);
  assert.match(request_id, /^req_/);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get("x-outrider-backend"), "anthropic");
  assert.match(response.headers.get("x-outrider-request-id"), /^or_/);
});

check("a stream is read event by event, with usage", async () => {
  const events = await all(client.messages.create({ ...asked, stream: true }));
  assert.equal(textOf(events), said);
  assert.equal(events[0].type, "message_start");
  assert.equal(events.at(-1).type, "message_stop");
  assert.equal(events.at(-2).usage.output_tokens, 6);
});

check("the streaming helper gathers text, thinking, tools and usage", async () => {
  const texts = [];
  const stream = client.messages
    .stream({
      ...asked,
      max_tokens: 2048,
      thinking: { type: "enabled", budget_tokens: 1024 },
      tools: [weather],
    })
    .on("text", (text) => texts.push(text));
  const final = await stream.finalMessage();
  assert.deepEqual(final.content.map((block) => block.type), ["thinking", "text", "tool_use"]);
  assert.equal(final.content[0].signature, "EqQBCgIYAhIM");
  assert.deepEqual(final.content[2].input, { city: "Zürich" });
  assert.equal(texts.join(""), "Let me look.");
  assert.equal(final.stop_reason, "tool_use");
  assert(final.usage.output_tokens > 6);
});

check("a tool's result is answered", async () => {
  const first = await client.messages.create({ ...asked, tools: [weather] });
  const call = first.content.at(-1);
  const result = { type: "tool_result", tool_use_id: call.id, content: "Sunny" };
  const turns = [
    ...messages,
    { role: "assistant", content: first.content },
    { role: "user", content: [result] },
  ];
  const second = await client.messages.create({ ...asked, tools: [weather], messages: turns });
  assert.equal(second.content[0].text, "You said: Sunny, that is all.");
});

check("images and a schema reach the provider", async () => {
  const source = { type: "base64", media_type: "image/png", data: "A".repeat(1 << 20) };
  const content = [{ type: "image", source }, { type: "text", text: "What?" }];
  const schema = { type: "object", properties: { days: { type: "integer" } } };
  const answer = await client.messages.create({
    ...asked,
    messages: [{ role: "user", content }],
    output_config: { format: { type: "json_schema", schema } },
  });
  assert.deepEqual(JSON.parse(answer.content[0].text), { days: 7 });
  const [sent] = await received();
  assert.deepEqual(sent.body.messages[0].content, content);
});

check("errors are thrown at once, as the classes that apps catch", async () => {
  for (const [model, Kind, status, code] of [
    ["error-400", Anthropic.BadRequestError, 400, undefined],
    ["error-400-context", Anthropic.BadRequestError, 400, "caller_context_length"],
    ["error-401", Anthropic.InternalServerError, 502, "provider_auth"],
    ["unknown-model", Anthropic.InternalServerError, 502, "provider_model_not_found"],
    ["error-413", Anthropic.APIError, 413, "caller_too_large"],
    ["error-429", Anthropic.RateLimitError, 429, "provider_rate_limited"],
    ["error-500", Anthropic.InternalServerError, 502, "provider_error"],
    ["error-529", Anthropic.InternalServerError, 529, "provider_overloaded"],
    ["hasty", Anthropic.InternalServerError, 504, "provider_timeout"],
    ["keyless", Anthropic.InternalServerError, 503, "outrider_credential_missing"],
  ]) {
    for (const stream of [false, true]) {
      await received();
      const error = await thrown(Kind, client.messages.create({ ...asked, model, stream }));
      assert.equal(error.status, status, model);
      assert.equal(error.error.error.code, code, model);
      assert.equal(error.headers.get("x-should-retry"), "false");
      assert.match(error.requestID, /^or_/);
      assert.equal((await received()).length, model === "keyless" ? 0 : 1, model);
    }
  }
});

check("the type of an error is one of Anthropic's own", async () => {
  for (const [model, type] of [
    ["error-400", "invalid_request_error"],
    ["error-413", "request_too_large"],
    ["error-429", "rate_limit_error"],
    ["error-500", "api_error"],
    ["error-529", "overloaded_error"],
    ["hasty", "timeout_error"],
  ]) {
    const error = await thrown(Anthropic.APIError, client.messages.create({ ...asked, model }));
    assert.equal(error.type, type, model);
  }
});

check("a refused key of the caller's own and an unserved model are told as such", async () => {
  const revoked = client.withOptions({ apiKey: "sk-revoked" });
  const refused = revoked.messages.create({ ...asked, model: "forwarding" });
  const error = await thrown(Anthropic.AuthenticationError, refused);
  assert.equal(error.type, "authentication_error");
  const narrow = client.withOptions({ baseURL: proxies.narrow });
  const unknown = await thrown(Anthropic.NotFoundError, narrow.messages.create(asked));
  assert.equal(unknown.error.error.code, "caller_model_unknown");
  assert.equal(unknown.type, "not_found_error");
});

check("a limit is told with the time to wait, and nobody waits for it", async () => {
  const user = client.withOptions({ defaultHeaders: { "x-outrider-user": "ts-anthropic" } });
  const limited = { ...asked, model: "limited" };
  await user.messages.create(limited);
  await all(user.messages.create({ ...limited, stream: true }));
  const error = await thrown(Anthropic.RateLimitError, user.messages.create(limited));
  assert.equal(error.error.error.code, "policy_rate_requests");
  assert(Number(error.headers.get("retry-after")) > 0);
  assert.equal((await received()).length, 2);
});

check("a client that comes before the configuration asks again and is served", async () => {
  const early = client.withOptions({ baseURL: proxies.late });
  const answer = await early.messages.create({ ...asked, model: "support" });
  assert.equal(answer.content[0].text, said);
});

check("the next backend answers and nobody notices", async () => {
  for (const fault of ["error-500", "error-529", "error-429", "hangs-up"]) {
    const model = `after-${fault}`;
    const whole = await client.messages.create({ ...asked, model });
    assert.equal(whole.model, "steady");
    const events = await all(client.messages.create({ ...asked, model, stream: true }));
    assert.equal(textOf(events), said);
  }
});

check("a stream that breaks is an error and not a short answer", async () => {
  for (const model of ["cut", "short", "error-inside", "stalling"]) {
    const stream = await client.messages.create({ ...asked, model, stream: true });
    const error = await thrown(Anthropic.APIError, all(stream));
    assert.equal(error.error.error.code, "provider_stream_broken", model);
    await thrown(Anthropic.APIError, client.messages.stream({ ...asked, model }).finalMessage());
  }
});

check("a stream that is aborted ends the call upstream", async () => {
  const stream = client.messages.stream({ ...asked, model: "endless" });
  stream.on("text", () => stream.abort());
  await thrown(Anthropic.APIUserAbortError, stream.finalMessage());
  await gone("endless");
});

check("a loop that is left ends the call upstream", async () => {
  const stream = await client.messages.create({ ...asked, model: "endless", stream: true });
  for await (const event of stream) if (event.type === "content_block_delta") break;
  await gone("endless");
});

check("a timeout of the client ends the call upstream each time", async () => {
  const hasty = client.withOptions({ timeout: 500, maxRetries: 1 });
  const silent = hasty.messages.create({ ...asked, model: "silent" });
  await thrown(Anthropic.APIConnectionTimeoutError, silent);
  await gone("silent", 2);
});

check("a prompt's text arrives once, as the first system block", async () => {
  const variables = { shop: "Fabrikam" };
  await client.messages.create({
    ...asked,
    system: "Speak German",
    model: "prompted",
    prompt: { id: "answer", variables },
  });
  const [{ body }] = await received();
  assert.deepEqual(body.system, [
    { type: "text", text: "You are Ada of Fabrikam. Be brief." },
    { type: "text", text: "Speak German" },
  ]);
  assert.deepEqual(body.messages, messages);
  assert.equal(body.prompt, undefined);
});

check("Simulated is read whole and streamed, with usage", async () => {
  const simulated = { ...asked, model: "simulated" };
  const whole = await client.messages.create(simulated);
  const text = whole.content[0].text;
  assert.match(text, /^Simulated answer of pretend-1 to «Hello»:/);
  assert.equal(whole.usage.output_tokens, text.split(" ").length);
  assert(whole.usage.input_tokens > 0);
  const events = await all(client.messages.create({ ...simulated, stream: true }));
  assert.equal(textOf(events), text);
  assert.equal(events.at(-2).usage.output_tokens, whole.usage.output_tokens);
  const final = await client.messages.stream(simulated).finalMessage();
  assert.equal(final.content[0].text, text);
  assert.equal(final.usage.input_tokens, whole.usage.input_tokens);
});

check("token counts, models and files pass through", async () => {
  const counted = await client.messages.countTokens({ model: "steady", messages });
  assert.equal(counted.input_tokens, 1);
  assert.deepEqual((await all(client.models.list())).map((model) => model.id), [
    "claude-sonnet-4-6",
    "claude-haiku-4-5",
  ]);
  await thrown(Anthropic.NotFoundError, client.models.retrieve("nobody"));
  const content = Buffer.alloc(1 << 20, "0123456789");
  const file = await toFile(content, "numbers.bin", { type: "application/x-numbers" });
  const sent = await client.files.upload({ file });
  assert.equal(sent.size_bytes, content.length);
  const got = await client.files.download(sent.id);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), content);
  await client.files.delete(sent.id);
});

await run();
