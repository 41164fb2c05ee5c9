/** Completion as the shells themselves do it, from what `zdr completion` prints. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { rememberTags } from "../../../cli/io/known-tags.ts";
import { runOk } from "../../support/processes.ts";
import { DIST } from "../../support/rig.ts";

const CONFIG = `project: shop
deploy_to: /data/web/shop
build: { path: dist }
hosts: ["deploy@web[1:2]", db1]
programs: { shop: { command: bin/shop, reload: restart }, worker: { command: bin/worker, reload: restart } }
`;

describe("completion", () => {
  let dir: string;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "zdr-completion-"));
    const bin = join(dir, "bin");
    await mkdir(bin);
    await symlink(join(DIST, "zdr.cjs"), join(bin, "zdr"));
    await writeFile(join(dir, "deploy.yml"), CONFIG);
    await writeFile(join(dir, "deploy.staging.yml"), "keep: 2\n");
    env = {
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(":"),
      ...{ HOME: dir, XDG_CACHE_HOME: join(dir, "cache"), XDG_CONFIG_HOME: join(dir, "config") },
    };
    const git = (...args: string[]) =>
      runOk(["git", "-c", "user.name=t", "-c", "user.email=t@t", ...args], { cwd: dir });
    await git("init", "-q");
    await git("commit", "-q", "--allow-empty", "-m", "x");
    await git("tag", "v1.2");
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** The last word is the one that is being typed. */
  const bash = async (...words: string[]) => {
    const script = `source <(zdr completion bash); COMP_WORDS=(zdr "$@"); COMP_CWORD=$#; _zdr; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines(await runOk(["bash", "-c", script, "bash", ...words], { cwd: dir, env }));
  };
  const fish = async (...words: string[]) => {
    const script = `zdr completion fish | source; complete -C 'zdr ${words.join(" ")}'`;
    const said = lines(await runOk(["fish", "--no-config", "-c", script], { cwd: dir, env }));
    return said.map((line) => line.split("\t")[0] ?? "");
  };
  // Outside of its line editor zsh has no _describe; what it would be given is what counts.
  const zsh = async (...words: string[]) => {
    const script = `_describe() { print -l -- \${(P)2} }; _files() { print -l -- * }
      source <(zdr completion zsh); words=(zdr "$@"); CURRENT=$(( $# + 1 )); _zdr; true`;
    const said = lines(await runOk(["zsh", "-f", "-c", script, "zsh", ...words], { cwd: dir, env }));
    return said.map((line) => line.split(":")[0] ?? "");
  };

  for (const [name, shell] of Object.entries({ bash, fish, zsh })) {
    test(`${name} offers verbs, flags, hosts, programs, tags and environments`, async () => {
      assert.deepEqual(await shell("rollb"), ["rollback"]);
      assert.deepEqual(await shell("deploy", "--dry"), ["--dry-run"]);
      assert.deepEqual(await shell("deploy", "--host", "web"), ["web1", "web2"]);
      assert.deepEqual(await shell("reload", "w"), ["worker"]);
      assert.deepEqual(await shell("deploy", "--tag", "v"), ["v1.2"]);
      assert.deepEqual(await shell("deploy", "-e", "st"), ["staging"]);
      assert.ok((await shell("deploy", "--config", "deploy.s")).includes("deploy.staging.yml"));
    });
  }

  test("tags are also those of the releases that hosts were last seen to have, and nothing else that a host says", async () => {
    rememberTags(join(dir, "cache/zdr"), dir, ["v1.3-host", "; rm -rf /", "v1.2", "-x", "$(id)"]);
    const offered = lines(await runOk(["zdr", "complete", "--", "rollback", "--to", ""], { cwd: dir, env }));
    assert.deepEqual(
      offered.map((line) => line.trim()),
      ["v1.3-host", "v1.2"],
    );
  });

  test("a deploy.yml that is wrong costs names and nothing else", async () => {
    await writeFile(join(dir, "wrong.yml"), "hosts: [\n");
    assert.equal(
      await runOk(["zdr", "complete", "--", "deploy", "-c", "wrong.yml", "--host", ""], { cwd: dir, env }),
      "",
    );
  });

  test("the schema and the explanation of a key need no deploy.yml", async () => {
    const options = { cwd: join(dir, "bin"), env };
    assert.equal(JSON.parse(await runOk(["zdr", "schema"], options)).title, "deploy.yml of zdr");
    assert.match(
      await runOk(["zdr", "explain", "programs.shop.reload.drain"], options),
      /^programs\.\*\.reload\.drain\n {2}How long/,
    );
  });
});

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
