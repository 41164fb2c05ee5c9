/** Login shells differ and their start-up files talk: the agent starts under each of them, by one fixed command. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { bootstrap } from "../../../cli/io/session/bootstrap.ts";
import { runOn, startSshRig } from "./rig.ts";

interface ShellCase {
  readonly shell: string;
  /** Start-up files, from the home folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly extraConfig?: readonly string[];
  /** What must come before the agent says anything. */
  readonly noise: string;
}

const CASES: Readonly<Record<string, ShellCase>> = {
  "dash, which reads no start-up file": { shell: "/bin/dash", noise: "" },
  "bash with a noisy .bashrc": {
    shell: "/bin/bash",
    files: { ".bashrc": 'echo "welcome, it\'s {kind}"\n' },
    noise: "welcome, it's {kind}\n",
  },
  "csh with a noisy .cshrc": { shell: "/bin/csh", files: { ".cshrc": "echo welcome\n" }, noise: "welcome\n" },
  "tcsh with a noisy .tcshrc": { shell: "/bin/tcsh", files: { ".tcshrc": "echo welcome\n" }, noise: "welcome\n" },
  "fish with a noisy config.fish": {
    shell: "/usr/bin/fish",
    files: { ".config/fish/config.fish": "echo welcome\n" },
    noise: "welcome\n",
  },
  "a command that the server forces": {
    shell: "/bin/sh",
    extraConfig: ['ForceCommand echo forced; eval "$SSH_ORIGINAL_COMMAND"'],
    noise: "forced\n",
  },
};

/** An agent that only says what has come behind its own start. */
const AGENT = `
let rest = String(globalThis.zdrBootstrap.leftover);
process.stdin.on("data", (chunk) => { rest += chunk; });
process.stdin.on("end", () => process.stdout.write("heard " + JSON.stringify(rest) + "\\n"));
`;
const MAGIC = "zdr-0123456789abcdef";

/** A host whose login shell is `shell`, with the agent in the user's home. */
async function startHost({ shell, files = {}, extraConfig = [] }: Omit<ShellCase, "noise">) {
  const rig = await startSshRig({ shell, extraConfig });
  await chmod(rig.user.home, 0o755);
  for (const [name, text] of Object.entries({ ...files, "agent.cjs": AGENT })) {
    const path = join(rig.user.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const agent = { bytes: Buffer.from(AGENT), sha256: createHash("sha256").update(AGENT).digest("hex") };
  const start = async (options: { readonly node: string; readonly early?: string }, late: string) => {
    const path = join(rig.user.home, "agent.cjs");
    const { command, input } = bootstrap(agent, { magic: MAGIC, path, ...options });
    return runOn(await rig.connect(), command, input + late);
  };
  return { rig, start };
}

describe("the agent starts under", () => {
  for (const [title, { noise, ...shellCase }] of Object.entries(CASES)) {
    test(title, async () => {
      const { rig, start } = await startHost(shellCase);
      try {
        const early = '{"verb":"status","text":"it\'s $HOME `id` \\\\ !! ü"}\n';
        const late = '{"verb":"survey"}\n';
        const { stdout, stderr, code } = await start({ node: process.execPath, early }, late);
        const begin = stdout.indexOf(MAGIC);
        assert.ok(begin >= 0, stdout + stderr);
        assert.equal(stdout.slice(0, begin).trimEnd(), noise.trimEnd());
        assert.equal(stdout.slice(begin), `${MAGIC} {"kind":"start"}\nheard ${JSON.stringify(early + late)}\n`);
        assert.equal(code, 0);
      } finally {
        await rig.stop();
      }
    });
  }
});

test("a path of Node that means something to a shell is no part of the command", async () => {
  const { rig, start } = await startHost({ shell: "/bin/sh" });
  try {
    const node = join(rig.user.home, "it's $HOME; `id` node");
    await symlink(process.execPath, node);
    const { stdout, stderr } = await start({ node }, "late\n");
    assert.match(stdout, /\{"kind":"start"\}\nheard "late\\n"\n$/, stderr);
  } finally {
    await rig.stop();
  }
});
