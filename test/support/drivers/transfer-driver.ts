/**
 * One end of an upload as a process of its own, so that its memory can be measured:
 *
 *   send <build> <manifest.json>        scans, writes the manifest, streams every file to stdout
 *   receive <deploy_to> <manifest.json> stages what the manifest says, takes the stream from stdin, publishes
 *
 * With `setuid` behind these, the setuid and setgid bits of files are kept. Each tells its peak of resident memory, in KiB, as the last line on stderr.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { layoutOf } from "../../../agent/core/layout.ts";
import { receiveFiles } from "../../../agent/io/release/receive.ts";
import { publish } from "../../../agent/io/release/release-store.ts";
import { stageRelease } from "../../../agent/io/release/stage.ts";
import { openStdin } from "../../../agent/io/stdin.ts";
import { Manifest } from "../../../agent/wire/release.ts";
import { scanBuild } from "../../../cli/io/build/build.ts";
import { packFiles } from "../../../cli/io/build/pack.ts";
import { eventually } from "../eventually.ts";

const NO_SHARED = { dirs: [], files: [] };
const [role, where = "", manifestFile = "", setuid] = process.argv.slice(2);
const allowSetuid = setuid === "setuid";

async function send(path: string, manifestFile: string): Promise<void> {
  const build = await scanBuild(path, { modes: "normalize", allowSetuid });
  const manifest = { tag: "v1", digest: build.digest, entries: build.entries };
  writeFileSync(`${manifestFile}.new`, JSON.stringify(manifest));
  renameSync(`${manifestFile}.new`, manifestFile);
  const files = [...build.entries.keys()].filter((index) => build.entries[index]?.type === "file");
  for await (const frame of packFiles(build, files)) {
    if (!process.stdout.write(frame)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}

async function receive(deployTo: string, manifestFile: string): Promise<void> {
  const text = await eventually(() => readFileSync(manifestFile, "utf8"), { name: manifestFile, timeoutMs: 30_000 });
  const manifest = Manifest.parse(JSON.parse(text));
  const { incoming, result } = await stageRelease(layoutOf(deployTo), manifest, NO_SHARED, {
    dryRun: false,
    allowSetuid,
  });
  if (incoming === undefined) throw new Error("it is there already");
  const receiver = receiveFiles(incoming, result.missing);
  await new Promise<void>((resolve, reject) => {
    const stdin = openStdin((chunk) => void receiver.write(chunk)?.catch(reject));
    stdin.on("end", resolve).on("error", reject);
  });
  await receiver.end();
  await publish(incoming, NO_SHARED);
}

await (role === "send" ? send(where, manifestFile) : receive(where, manifestFile));
process.stderr.write(`${process.resourceUsage().maxRSS}\n`);
