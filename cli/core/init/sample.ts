/** What a sample server says of itself in its first comment, as people read it: the program that deploy.yml is to have. Pure. */
import { readYaml } from "../config/yaml-source.ts";
import { COPY, type FolderTexts, type Found, lookAtFolder, type PresetName, plainName } from "./look.ts";

/** Where samples say that they listen, and ask for their health. */
const ITS_ADDRESS = "127.0.0.1:8080";
/** The scripts among the samples answer with what stands in this file. */
const STAMPED_COPY = `${COPY} && echo "$ZDR_TAG" > build/VERSION`;

interface ProgramOfSample {
  readonly command: string;
  readonly reload: PresetName;
  readonly listen?: string;
  readonly check?: string;
}

/**
 * `its` are the sample's own files, `texts` those of the folder once the sample lies in it.
 *
 * @throws Error where the sample's comment names no program: that is a fault of the sample.
 */
export function lookAtSample(sample: string, its: FolderTexts, texts: FolderTexts, folderName: string): Found {
  const program = programOf(sample, its);
  const looked = lookAtFolder(texts, folderName);
  return {
    what: `the sample ${sample}`,
    name: looked?.name ?? plainName(folderName),
    ...{ preset: program.reload, isSeen: true, listens: program.listen !== undefined },
    build: { run: its["go.mod"] === undefined ? STAMPED_COPY : goBuild(program.command, looked), path: "build" },
    command: program.command.replaceAll(ITS_ADDRESS, "HOST:PORT"),
    ...(program.check === undefined ? {} : { check: program.check }),
    ...(looked?.user === undefined ? {} : { user: looked.user }),
    notes: looked?.notes ?? [],
  };
}

/** The binary is called as the command has it. */
function goBuild(command: string, looked: Found | undefined): string {
  const binary = /(?:^|\{current\}\/)(bin\/\S+)/.exec(command)?.[1] ?? "bin/shop";
  return (looked?.build.run ?? "").replace(/-o build\/\S+/, `-o build/${binary}`);
}

function programOf(sample: string, its: FolderTexts): ProgramOfSample {
  for (const text of Object.values(its)) {
    const programs = readYaml(commentedPrograms(text), () => false).data as
      | { programs?: { shop?: ProgramOfSample } }
      | undefined;
    if (programs?.programs?.shop !== undefined) return programs.programs.shop;
  }
  throw new Error(`the sample ${sample} does not say how it is deployed`);
}

/** From `programs:` to the next line without words, with neither the comment's signs nor its indentation. */
function commentedPrograms(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/^(?:\/\/|#)/, ""));
  const from = lines.findIndex((line) => /^\s+programs:$/.test(line));
  if (from === -1) return "";
  const indentation = /^\s+/.exec(lines[from] ?? "")?.[0].length ?? 0;
  const length = lines.slice(from).findIndex((line) => line.trim() === "");
  const block = lines.slice(from, length === -1 ? undefined : from + length);
  return block.map((line) => line.slice(indentation)).join("\n");
}
