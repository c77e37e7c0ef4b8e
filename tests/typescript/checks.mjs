// Runs the checks of one file, one after the other, and tells each on a line of JSON.

import assert from "node:assert/strict";

const { OUTRIDER_URL, OUTRIDER_NARROW_URL, OUTRIDER_LATE_URL, OPENAI_URL, ANTHROPIC_URL } =
  process.env;

/** Where the proxies listen: one that serves every name, one that serves only `support`, and
 * one that gets its configuration after its first refusal. */
export const proxies = {
  main: OUTRIDER_URL,
  narrow: OUTRIDER_NARROW_URL,
  late: OUTRIDER_LATE_URL,
};

const stories = [];

/** Adds a check: a sentence, and the story that throws when the sentence is not true. */
export function check(sentence, story) {
  stories.push({ sentence, story });
}

/** Runs all checks in the order in which they were added. */
export async function run() {
  for (const { sentence, story } of stories) {
    let failed = null;
    try {
      await received();
      await story();
    } catch (error) {
      failed = error?.stack ?? String(error);
    }
    process.stdout.write(JSON.stringify({ check: sentence, failed }) + "\n");
  }
}

/** What the providers have received since this was asked last. */
export async function received() {
  const both = await Promise.all([asked(OPENAI_URL, "requests"), asked(ANTHROPIC_URL, "requests")]);
  return both.flat();
}

/** Returns when clients of a provider have left answers of a model that were not over. */
export async function gone(family, model, times = 1) {
  const url = family === "openai" ? OPENAI_URL : ANTHROPIC_URL;
  await asked(url, `gone?model=${model}&times=${times}`);
}

/** The error that `promise` ends in, which must be one of `Kind`. */
export async function thrown(Kind, promise) {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof Kind, `${error?.constructor?.name} is no ${Kind.name}: ${error?.stack}`);
    return error;
  }
  assert.fail(`nothing was thrown where a ${Kind.name} was expected`);
}

/** All items of a stream. */
export async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

async function asked(url, what) {
  const response = await fetch(`${url}/standin/${what}`);
  assert.equal(response.status, 200);
  return response.json();
}
