/** What execve(2) would make of a file, told from its first bytes. */

export interface HeadProblem {
  readonly problem: "wrong-machine" | "bad-format" | "no-interpreter";
  readonly detail: string;
}

/** e_machine of elf.h, by Node's process.arch. */
const ELF_MACHINES: Record<string, number> = {
  x64: 62,
  arm64: 183,
  ia32: 3,
  arm: 40,
  ppc64: 21,
  s390x: 22,
  riscv64: 243,
};
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
/** Where `env` looks when supervisor started the program with no PATH of its own. */
const ENV_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** undefined: the kernel would start it. `head` holds the file's first 256 bytes (BINPRM_BUF_SIZE), or fewer. */
export function headProblem(
  head: Uint8Array,
  arch: string,
  isExecutable: (path: string) => boolean,
): HeadProblem | undefined {
  if (head[0] === 0x23 && head[1] === 0x21) return scriptProblem(head, isExecutable);
  if (!ELF_MAGIC.every((byte, index) => head[index] === byte)) {
    return { problem: "bad-format", detail: "neither an ELF file nor a #! script" };
  }
  return elfProblem(head, arch);
}

function scriptProblem(head: Uint8Array, isExecutable: (path: string) => boolean): HeadProblem | undefined {
  const [line = ""] = new TextDecoder().decode(head.subarray(2)).split("\n");
  const [interpreter = "", ...words] = line.trim().split(/[ \t]+/);
  // A carriage return becomes part of the interpreter's name: the classic of scripts edited on Windows.
  if (line.endsWith("\r")) return { problem: "no-interpreter", detail: `"${interpreter}" ends in a carriage return` };
  if (!interpreter.startsWith("/")) return { problem: "bad-format", detail: `"#!${line}" names no absolute path` };
  if (!isExecutable(interpreter)) return { problem: "no-interpreter", detail: interpreter };
  const name = interpreter.endsWith("/env")
    ? words.find((word) => !word.startsWith("-") && !word.includes("="))
    : undefined;
  if (name === undefined || name.startsWith("/")) return undefined;
  if (ENV_PATH.some((folder) => isExecutable(`${folder}/${name}`))) return undefined;
  return { problem: "no-interpreter", detail: `${name} is in none of ${ENV_PATH.join(":")}` };
}

function elfProblem(head: Uint8Array, arch: string): HeadProblem | undefined {
  if (head.length < 20) return { problem: "bad-format", detail: "an ELF header that is cut off" };
  const isLittleEndian = head[5] === 1;
  const [low = 0, high = 0] = isLittleEndian ? [head[18], head[19]] : [head[19], head[18]];
  const machine = low + high * 256;
  const wanted = ELF_MACHINES[arch];
  if (wanted === undefined || machine === wanted || (arch === "x64" && machine === ELF_MACHINES.ia32)) return undefined;
  const name = Object.entries(ELF_MACHINES).find(([, number]) => number === machine)?.[0] ?? `machine ${machine}`;
  return { problem: "wrong-machine", detail: `built for ${name}, this host is ${arch}` };
}
