/** Login shells differ and their start-up files talk: the agent starts under each of them, by one fixed command. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { bootstrapCommand, bootstrapInput } from "../../../cli/io/session/bootstrap.ts";
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

describe("the agent starts under", () => {
  for (const [title, { shell, files = {}, extraConfig = [], noise }] of Object.entries(CASES)) {
    test(title, async () => {
      const rig = await startSshRig({ shell, extraConfig });
      try {
        await chmod(rig.user.home, 0o755);
        for (const [name, text] of Object.entries({ ...files, "agent.cjs": AGENT })) {
          const path = join(rig.user.home, name);
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, text);
        }
        const agent = { bytes: Buffer.from(AGENT), sha256: createHash("sha256").update(AGENT).digest("hex") };
        const options = { node: process.execPath, path: join(rig.user.home, "agent.cjs") };
        const request = '{"verb":"status","text":"it\'s $HOME `id` \\\\ !! ü"}\n';
        const connection = await rig.connect();
        const input = bootstrapInput(agent, MAGIC, options) + request;
        const { stdout, stderr, code } = await runOn(connection, bootstrapCommand(), input);
        const begin = stdout.indexOf(MAGIC);
        assert.ok(begin >= 0, stdout + stderr);
        assert.equal(stdout.slice(0, begin).trimEnd(), noise.trimEnd());
        assert.equal(stdout.slice(begin), `${MAGIC} {"kind":"start"}\nheard ${JSON.stringify(request)}\n`);
        assert.equal(code, 0);
      } finally {
        await rig.stop();
      }
    });
  }
});
