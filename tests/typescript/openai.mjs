// OpenAI's SDK for TypeScript, as a client of the proxy.

import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import WebSocket from "ws";

import { all, check, gone, proxies, received, run, thrown } from "./checks.mjs";

const apiKey = "sk-outrider";
const client = new OpenAI({ apiKey, baseURL: `${proxies.main}/v1` });
const messages = [{ role: "user", content: "Hello" }];
const asked = { model: "steady", messages };
const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");

check("an answer is read with its usage, its request id and our headers", async () => {
  const { data, response, request_id } = await client.chat.completions.create(asked).withResponse();
  assert.equal(data.choices[0].message.content, "You said: Hello, and that is all.");
  assert.equal(data.usage.completion_tokens, 7);
  assert.equal(data.usage.prompt_tokens_details.cached_tokens, 2);
  assert.match(request_id, /^req_/);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get("x-outrider-backend"), "openai");
  assert.match(response.headers.get("x-outrider-request-id"), /^or_/);
});

check("a stream that did not ask for usage has a choice in every chunk", async () => {
  const chunks = await all(client.chat.completions.create({ ...asked, stream: true }));
  assert.equal(textOf(chunks), "You said: Hello, and that is all.");
  assert(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
  const [sent] = await received();
  assert.deepEqual(sent.body.stream_options, { include_usage: true });
});

check("a stream that asked for usage ends with it", async () => {
  const stream_options = { include_usage: true };
  const chunks = await all(client.chat.completions.create({ ...asked, stream: true, stream_options }));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 7);
});

check("the streaming helper gathers text, tools and usage", async () => {
  const stream = client.chat.completions.stream({
    ...asked,
    tools: [weather],
    stream_options: { include_usage: true },
  });
  const final = await stream.finalChatCompletion();
  const [call] = final.choices[0].message.tool_calls;
  assert.equal(call.function.name, "weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Zürich" });
  assert.equal((await stream.totalUsage()).prompt_tokens, 3);
});

check("a tool's result is answered", async () => {
  const first = await client.chat.completions.create({ ...asked, tools: [weather] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const { content, role, tool_calls } = first.choices[0].message;
  const result = { role: "tool", tool_call_id: tool_calls[0].id, content: "Sunny" };
  const turns = [...messages, { content, role, tool_calls }, result];
  const second = await client.chat.completions.create({ ...asked, messages: turns });
  assert.equal(second.choices[0].message.content, "You said: Sunny, and that is all.");
});

check("images and a schema reach the provider", async () => {
  const url = `data:image/png;base64,${"A".repeat(1 << 20)}`;
  const content = [{ type: "text", text: "What?" }, { type: "image_url", image_url: { url } }];
  const schema = { type: "object", properties: { days: { type: "integer" } } };
  const answer = await client.chat.completions.create({
    model: "steady",
    messages: [{ role: "user", content }],
    response_format: { type: "json_schema", json_schema: { name: "days", schema } },
  });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { days: 7 });
  const [sent] = await received();
  assert.deepEqual(sent.body.messages[0].content, content);
});

check("errors are thrown at once, as the classes that apps catch", async () => {
  for (const [model, Kind, status, code] of [
    ["error-400", OpenAI.BadRequestError, 400, "unsupported_value"],
    ["error-400-context", OpenAI.BadRequestError, 400, "caller_context_length"],
    ["error-401", OpenAI.InternalServerError, 502, "provider_auth"],
    ["unknown-model", OpenAI.InternalServerError, 502, "provider_model_not_found"],
    ["error-413", OpenAI.APIError, 413, "caller_too_large"],
    ["error-429", OpenAI.RateLimitError, 429, "provider_rate_limited"],
    ["error-500", OpenAI.InternalServerError, 502, "provider_error"],
    ["error-529", OpenAI.InternalServerError, 503, "provider_overloaded"],
    ["hasty", OpenAI.InternalServerError, 504, "provider_timeout"],
    ["keyless", OpenAI.InternalServerError, 503, "outrider_credential_missing"],
  ]) {
    for (const stream of [false, true]) {
      await received();
      const error = await thrown(Kind, client.chat.completions.create({ ...asked, model, stream }));
      assert.equal(error.status, status, model);
      assert.equal(error.code, code, model);
      assert.equal(error.headers.get("x-should-retry"), "false");
      assert.match(error.requestID, /^or_/);
      assert.equal((await received()).length, model === "keyless" ? 0 : 1, model);
    }
  }
});

check("a refused key of the caller's own and an unserved model are told as such", async () => {
  const revoked = client.withOptions({ apiKey: "sk-revoked" });
  const refused = revoked.chat.completions.create({ ...asked, model: "forwarding" });
  assert.equal((await thrown(OpenAI.AuthenticationError, refused)).code, "invalid_api_key");
  const narrow = client.withOptions({ baseURL: `${proxies.narrow}/v1` });
  const unknown = await thrown(OpenAI.NotFoundError, narrow.chat.completions.create(asked));
  assert.equal(unknown.code, "caller_model_unknown");
  assert.match(unknown.message, /support/);
});

check("a limit is told with the time to wait, and nobody waits for it", async () => {
  const user = client.withOptions({ defaultHeaders: { "x-outrider-user": "ts-openai" } });
  const limited = { ...asked, model: "limited" };
  await user.chat.completions.create(limited);
  await all(user.chat.completions.create({ ...limited, stream: true }));
  const error = await thrown(OpenAI.RateLimitError, user.chat.completions.create(limited));
  assert.equal(error.code, "policy_rate_requests");
  assert(Number(error.headers.get("retry-after")) > 0);
  assert.equal((await received()).length, 2);
});

check("a client that comes before the configuration asks again and is served", async () => {
  const early = client.withOptions({ baseURL: `${proxies.late}/v1` });
  const answer = await early.chat.completions.create({ ...asked, model: "support" });
  assert.equal(answer.choices[0].message.content, "You said: Hello, and that is all.");
});

check("the next backend answers and nobody notices", async () => {
  for (const fault of ["error-500", "error-529", "error-429", "hangs-up"]) {
    const model = `after-${fault}`;
    const whole = await client.chat.completions.create({ ...asked, model });
    assert.equal(whole.model, "steady");
    const chunks = await all(client.chat.completions.create({ ...asked, model, stream: true }));
    assert.equal(textOf(chunks), whole.choices[0].message.content);
  }
});

check("a stream that breaks is an error and not a short answer", async () => {
  for (const model of ["cut", "short", "error-inside", "stalling"]) {
    const stream = await client.chat.completions.create({ ...asked, model, stream: true });
    const error = await thrown(OpenAI.APIError, all(stream));
    assert.equal(error.code, "provider_stream_broken", model);
    const helper = client.chat.completions.stream({ ...asked, model });
    await thrown(OpenAI.APIError, helper.finalChatCompletion());
  }
});

check("a stream that is aborted ends the call upstream", async () => {
  const stream = await client.chat.completions.create({ ...asked, model: "endless", stream: true });
  for await (const chunk of stream) if (chunk.choices[0].delta.content) stream.controller.abort();
  await gone("endless");
});

check("a loop that is left ends the call upstream", async () => {
  const stream = await client.chat.completions.create({ ...asked, model: "endless", stream: true });
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  await gone("endless");
});

check("a timeout of the client ends the call upstream each time", async () => {
  const hasty = client.withOptions({ timeout: 500, maxRetries: 1 });
  const silent = hasty.chat.completions.create({ ...asked, model: "silent" });
  await thrown(OpenAI.APIConnectionTimeoutError, silent);
  await gone("silent", 2);
  assert.equal((await received()).length, 2);
});

check("a prompt's text arrives once, before the conversation", async () => {
  const variables = { shop: "Fabrikam" };
  await client.chat.completions.create({
    ...asked,
    model: "prompted",
    prompt: { id: "answer", variables },
  });
  const [{ body }] = await received();
  assert.deepEqual(body.messages, [
    { role: "system", content: "You are Ada of Fabrikam. Be brief." },
    ...messages,
  ]);
  assert.equal(body.prompt, undefined);
});

check("Simulated is read whole and streamed, with usage", async () => {
  const simulated = { ...asked, model: "simulated" };
  const whole = await client.chat.completions.create(simulated);
  const text = whole.choices[0].message.content;
  assert.match(text, /^Simulated answer of pretend-1 to «Hello»:/);
  assert.equal(whole.usage.completion_tokens, text.split(" ").length);
  const stream_options = { include_usage: true };
  const chunks = await all(
    client.chat.completions.create({ ...simulated, stream: true, stream_options }),
  );
  assert.equal(textOf(chunks), text);
  assert.deepEqual(chunks.at(-1).usage, whole.usage);
  const plain = await all(client.chat.completions.create({ ...simulated, stream: true }));
  assert(plain.every((chunk) => chunk.choices.length === 1));
  const helper = client.chat.completions.stream(simulated);
  assert.equal(await helper.finalContent(), text);
});

check("responses are read whole and streamed", async () => {
  const whole = await client.responses.create({ model: "steady", input: "Hello" });
  assert.equal(whole.output_text, "You said: Hello, and that is all.");
  const stream = client.responses.stream({ model: "steady", input: "Hello" });
  const final = await stream.finalResponse();
  assert.equal(final.output_text, whole.output_text);
  assert.equal(final.usage.output_tokens, 7);
});

check("models, embeddings and files pass through", async () => {
  assert.deepEqual((await all(client.models.list())).map((model) => model.id), [
    "gpt-5.2",
    "gpt-5.2-mini",
  ]);
  await thrown(OpenAI.NotFoundError, client.models.retrieve("nobody"));
  const model = "text-embedding-3-small";
  const vectors = await client.embeddings.create({ model, input: ["a", "bcd"], dimensions: 2 });
  assert.deepEqual(vectors.data.map((one) => [...one.embedding]), [[1, 0.25], [3, 0.25]]);
  const content = Buffer.alloc(1 << 20, "0123456789");
  const file = await toFile(content, "numbers.bin");
  const sent = await client.files.create({ file, purpose: "user_data" });
  assert.equal(sent.bytes, content.length);
  const got = await client.files.content(sent.id);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), content);
  assert.equal((await client.files.delete(sent.id)).deleted, true);
});

check("a client made for Azure is answered", async () => {
  const azure = new AzureOpenAI({
    apiKey,
    endpoint: proxies.main,
    apiVersion: "2024-10-21",
    deployment: "steady",
  });
  const answer = await azure.chat.completions.create({ messages });
  assert.equal(answer.model, "steady");
  const chunks = await all(azure.chat.completions.create({ messages, stream: true }));
  assert.equal(textOf(chunks), "You said: Hello, and that is all.");
  const [sent] = await received();
  assert.equal(sent.path, "/v1/chat/completions");
  assert.equal(sent.headers["api-key"], undefined);
});

// The SDK's own Realtime class insists on TLS, so this is the socket beneath it.
check("a realtime session is carried both ways, with its close code", async () => {
  const url = `${proxies.main.replace("http", "ws")}/v1/realtime?model=gpt-realtime`;
  const socket = new WebSocket(url, ["realtime", `openai-insecure-api-key.${apiKey}`]);
  const [said, closed] = await new Promise((resolve, reject) => {
    let text;
    socket.on("message", (data) => {
      const event = JSON.parse(data);
      if (event.type === "session.created") {
        const content = [{ type: "input_text", text: "grüße" }];
        const item = { type: "message", role: "user", content };
        socket.send(JSON.stringify({ type: "conversation.item.create", item }));
        socket.send(JSON.stringify({ type: "response.create" }));
      } else if (event.type === "response.output_text.done") {
        text = event.text;
      }
    });
    socket.on("close", (code, reason) => resolve([text, [code, reason.toString()]]));
    socket.on("error", reject);
  });
  assert.equal(said, "grüße");
  assert.deepEqual(closed, [1000, "that is all"]);
});

await run();
