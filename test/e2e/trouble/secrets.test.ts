/** Secrets of deploy.yml reach a host over stdin alone: nobody else there can see them while zdr is at work, nor afterwards. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Rig, startRig } from "../../support/rig.ts";

/** Letters that stand nowhere else on this machine. */
const PASSWORD = "zdr-e2e-hunter2-password";
const TOKEN = "zdr-e2e-hunter2-token";
const KEY = "zdr-e2e-hunter2-key";
const SECRETS = [PASSWORD, TOKEN, KEY];

test("no command line, no environment, no log and no file of zdr's holds a secret, from setup to rollback", async (t) => {
  const rig = await startRig(t, {
    via: "ssh",
    supervisord: { username: "zdr", password: PASSWORD },
    sshd: { extraConfig: ["LogLevel DEBUG3"] },
  });
  await rig.addSample("go-plain", { watch: 0, start_seconds: 1, environment: { TOKEN } });
  await rig.configure({ programs: await withKey(rig) });
  await rig.configure({ supervisor: { config: rig.supervisord.configPath, username: "zdr", password: PASSWORD } });
  const said: string[] = [];
  const zdr = async (...args: string[]): Promise<void> => {
    const running = rig.startZdr(args);
    const seen = await watchProcesses(running.done);
    assert.deepEqual(seen.leaks, [], args.join(" "));
    assert.ok(seen.agents > 0, `the agent of ${args.join(" ")} was among the processes that were looked at`);
    const { code, stdout, stderr } = await running.done;
    said.push(stdout, stderr);
    assert.equal(code, 0, stderr);
  };
  await zdr("setup");
  for (const release of ["v1", "v2"]) {
    await rig.useSample("go-plain", { release });
    await zdr("deploy", "--tag", release, "--json");
  }
  await zdr("status", "--releases");
  await zdr("rollback");
  for (const text of [...said, rig.sshd?.logText() ?? "", await rig.supervisord.log()]) assertNoSecret(text, "a log");
  await assertNoSecretIn(rig, join(rig.deployTo, ".zdr"));
});

/** The programs of deploy.yml, with a key in the URL of the health check. */
async function withKey({ configPath }: Rig): Promise<object> {
  const { programs } = JSON.parse(await readFile(configPath, "utf8"));
  const { health } = programs.shop;
  return { shop: { ...programs.shop, health: { ...health, http: `${health.http}?key=${KEY}` } } };
}

function assertNoSecret(text: string, what: string): void {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${secret} in ${what}`);
}

async function assertNoSecretIn(rig: Rig, folder: string): Promise<void> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  assert.ok(files.length > 3);
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    assertNoSecret(await readFile(path, "latin1"), path.replace(rig.deployTo, ""));
  }
}

interface Seen {
  readonly leaks: readonly string[];
  /** How often an agent was among them. */
  readonly agents: number;
}

/** Looks at every process of this machine over and over, as anybody who is logged in there could, until `over`. */
async function watchProcesses(over: Promise<unknown>): Promise<Seen> {
  const leaks = new Set<string>();
  let agents = 0;
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  over.then(end, end);
  while (!isOver) {
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
      const isAgent = commandLine.includes("eval(String(Buffer.from");
      if (isAgent) agents++;
      const environment = isProgram(commandLine)
        ? ""
        : await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      for (const secret of SECRETS) {
        if (commandLine.includes(secret)) leaks.add(`command line: ${commandLine.replaceAll("\0", " ")}`);
        if (environment.includes(secret)) {
          // Between the two looks it may have become the program, or gone.
          const now = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
          if (now !== "" && !isProgram(now)) leaks.add(`environment: ${now.replaceAll("\0", " ")}`);
        }
        if (isAgent && decoded(commandLine).includes(secret)) leaks.add(`in base64: ${decoded(commandLine)}`);
      }
    }
    await turn();
  }
  return { leaks: [...leaks], agents };
}

/** The program itself is given its environment; it is the only one. */
const isProgram = (commandLine: string) => /\/current\/|\/releases\//.test(commandLine);

/** What the words of a command say that are base64. */
function decoded(commandLine: string): string {
  return commandLine
    .split("\0")
    .map((word) => Buffer.from(word, "base64").toString("latin1"))
    .join("\n");
}
