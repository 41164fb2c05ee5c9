import assert from "node:assert/strict";
import { test } from "node:test";
import { guessesOf, type Told } from "../../../../../cli/core/init/guess.ts";
import { lookAtFolder } from "../../../../../cli/core/init/look.ts";
import type { Answers } from "../../../../../cli/core/init/render.ts";

const ANSWERS: Answers = {
  ...{ project: "shop", deployTo: "/data/web/shop", hosts: ["local"], preset: "restart", command: "bin/shop" },
  health: "http://127.0.0.1:8080/healthz",
};
const keysOf = (guesses: readonly string[]) => guesses.map((guess) => guess.split(":")[0]);
const told = (...keys: (keyof Answers)[]): Told => new Set(keys);

test("in a folder that says nothing, each key that nobody gave is called a guess", () => {
  assert.deepEqual(keysOf(guessesOf(undefined, ANSWERS, told())), ["build", "command", "reload", "health"]);
});

test("what was given is no guess; what makes the build is nobody's answer", () => {
  assert.deepEqual(keysOf(guessesOf(undefined, ANSWERS, told("command", "preset", "health"))), ["build"]);
});

test("of a program that was found only the health check is a guess, and none where it is asked for none", () => {
  const found = lookAtFolder({ "package.json": '{"scripts":{"start":"node s.js"}}' }, "shop");
  assert.deepEqual(keysOf(guessesOf(found, ANSWERS, told())), ["health"]);
  assert.deepEqual(guessesOf(found, { ...ANSWERS, health: undefined }, told()), []);
});

test("a program on no library that zdr knows is told that it is restarted", () => {
  const found = lookAtFolder({ "go.mod": "module shop\n" }, "shop");
  assert.match(guessesOf(found, ANSWERS, told("health")).join(), /reload: .* restart .* gap/);
});

test("where the program is told where to listen, the port is said to be so", () => {
  const [guess = ""] = guessesOf(
    undefined,
    { ...ANSWERS, command: "bin/shop -addr HOST:PORT" },
    told("command", "preset"),
  ).slice(1);
  assert.match(guess, /the port that the command is given/);
});
