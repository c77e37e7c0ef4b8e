// Runs the checks of one file, one after the other, and tells each on a line of JSON.

import assert from "node:assert/strict";

const { OUTRIDER_URL, OUTRIDER_NARROW_URL, OUTRIDER_LATE_URL, PROVIDER_URL } = process.env;

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

/** What the provider has received since this was asked last. */
export function received() {
  return asked("requests");
}

/** Returns when clients have left answers of a model that were not over, so many times. */
export async function gone(model, times = 1) {
  await asked(`gone?model=${model}&times=${times}`);
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

async function asked(what) {
  const response = await fetch(`${PROVIDER_URL}/standin/${what}`);
  assert.equal(response.status, 200);
  return response.json();
}
