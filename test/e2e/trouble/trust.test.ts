/** Whoever could change what zdr reads on a host could choose what is run there: it is refused, and nothing is changed. */
import assert from "node:assert/strict";
import { chmod, chown, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { textAt } from "../../support/load/ask.ts";
import { type Rig, startRig } from "../../support/rig.ts";
import { addTemporaryUser, type TemporaryUser } from "../../support/temporary-user.ts";
import { assertServes, assertTold } from "../../support/wrong-world.ts";

const SAMPLE = "go-plain";

describe("on a host that somebody else can reach into", () => {
  const cleaning: (() => Promise<void>)[] = [];
  const cleanup = { after: (clean: () => Promise<void>) => void cleaning.push(clean) };
  let rig: Rig;
  let url: string;
  let user: TemporaryUser;
  /** Folders above deploy_to, the outermost first. */
  let above: readonly string[];

  before(async () => {
    user = await addTemporaryUser();
    cleaning.push(user.remove);
    rig = await startRig(cleanup, { via: "ssh", user: user.name, supervisord: { user: user.name } });
    above = [join(rig.dir, "data"), join(rig.dir, "data/sites")];
    for (const folder of above) await mkdir(folder);
    const deployTo = join(rig.dir, "data/sites/shop");
    await mkdir(deployTo);
    await chown(deployTo, user.uid, user.gid);
    ({ url } = await rig.addSample(SAMPLE, { watch: 0, start_seconds: 1 }));
    await rig.configure({ deploy_to: deployTo });
    await rig.useSample(SAMPLE, { release: "v1" });
    for (const args of [["setup"], ["deploy", "--tag", "v1"]]) {
      const { code, stderr } = await rig.zdr(args);
      assert.equal(code, 0, stderr);
    }
    await rig.useSample(SAMPLE, { release: "v2" });
  });
  after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });

  const place = (path: string) => join(rig.dir, "data/sites/shop", path);
  /** Everything below, with owner and mode. */
  const everything = async () => {
    const names = await readdir(rig.dir, { recursive: true });
    const lines = await Promise.all(
      names
        .filter((name) => name.startsWith("data"))
        .map(async (name) => {
          const { uid, mode } = await stat(join(rig.dir, name)).catch(() => ({ uid: -1, mode: 0 }));
          return `${name} ${uid} ${mode.toString(8)}`;
        }),
    );
    return lines.filter((line) => !/code-cache|agent-/.test(line)).sort();
  };

  const refuses = (what: string, change: () => Promise<() => Promise<void>>, error: RegExp, hint: RegExp) =>
    test(`${what} is refused, and nothing is changed`, async () => {
      const undo = await change();
      try {
        const untouched = await everything();
        assertTold(await rig.zdr(["deploy", "--tag", "v2"]), { exit: 5, error, state: /not touched/, hint });
        assert.deepEqual(await everything(), untouched);
        assert.equal(await textAt(`${url}/version`), "v1");
      } finally {
        await undo();
      }
    });
  const mode = (path: () => string, wanted: number) => async () => {
    const { mode: found } = await stat(path());
    await chmod(path(), wanted);
    return () => chmod(path(), found & 0o7777);
  };
  const owner = (path: () => string, uid: number) => async () => {
    const found = await stat(path());
    await chown(path(), uid, found.gid);
    return () => chown(path(), found.uid, found.gid);
  };

  const inPlaceOf = /others could put something else in the place of .*\/data\/sites\/shop/;
  refuses(
    "a folder above that everybody may write to",
    mode(() => above[1] ?? "", 0o777),
    inPlaceOf,
    /chmod go-w/,
  );
  refuses(
    "a folder above that its group may write to",
    mode(() => above[1] ?? "", 0o775),
    inPlaceOf,
    /chmod go-w/,
  );
  refuses(
    "a folder two above that everybody may write to",
    mode(() => above[0] ?? "", 0o777),
    inPlaceOf,
    /sites|data/,
  );
  refuses(
    "a folder above of somebody else's",
    owner(() => above[1] ?? "", 65_534),
    /sites belongs to uid 65534, so others/,
    /deploy_to/,
  );
  refuses(
    "a folder two above of somebody else's",
    owner(() => above[0] ?? "", 65_534),
    /data belongs to uid 65534, so others/,
    /deploy_to/,
  );
  refuses(
    "run/ for everybody, where the slots are",
    mode(() => place("run"), 0o777),
    /run has mode 0777/,
    /chmod go-w/,
  );
  refuses(
    "run/ of somebody else's",
    owner(() => place("run"), 65_534),
    /run belongs to uid 65534/,
    /chown/,
  );
  refuses(
    "a ledger that others can write to",
    mode(() => place(".zdr/ledger.ndjson"), 0o666),
    /ledger\.ndjson has mode 0666/,
    /chmod go/,
  );
  refuses(
    "a ledger that others can read",
    mode(() => place(".zdr/ledger.ndjson"), 0o644),
    /ledger\.ndjson has mode 0644/,
    /chmod go=/,
  );
  refuses(
    "a ledger of root's",
    owner(() => place(".zdr/ledger.ndjson"), 0),
    /ledger\.ndjson belongs to uid 0/,
    /chown/,
  );
  refuses(
    "manifests for everybody",
    mode(() => place(".zdr/manifests"), 0o777),
    /manifests has mode 0777/,
    /chmod go/,
  );
  refuses(
    "an incoming of somebody else's",
    owner(() => place(".zdr/incoming"), 65_534),
    /incoming belongs to uid 65534/,
    /chown/,
  );

  test("an agent that somebody has changed is not run: it is sent anew", async () => {
    const name = (await readdir(place(".zdr"))).find((file) => file.startsWith("agent-")) ?? "";
    const pwned = join(rig.dir, "home/pwned");
    await writeFile(place(`.zdr/${name}`), `require("fs").writeFileSync(${JSON.stringify(pwned)}, "")`);
    assert.equal((await rig.zdr(["releases"])).code, 0);
    await assert.rejects(stat(pwned));
    assert.ok((await readFile(place(`.zdr/${name}`))).length > 10_000);
  });

  test("compiled code that somebody has changed is not run", async () => {
    const folder = place(".zdr/code-cache");
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      bytes.fill(0x41, Math.floor(bytes.length / 2));
      await writeFile(join(folder, name), bytes);
    }
    assert.equal((await rig.zdr(["releases"])).code, 0);
  });

  test("a sticky folder above, as /tmp is, and a link on the way are no reason to refuse", async () => {
    await chmod(above[1] ?? "", 0o1777);
    // As an administrator moves a project to another disk.
    await rename(above[0] ?? "", join(rig.dir, "disk"));
    await symlink(join(rig.dir, "disk"), above[0] ?? "");
    const { code, stderr } = await rig.zdr(["deploy", "--tag", "v2"]);
    assert.equal(code, 0, stderr);
    await assertServes({ ...rig, deployTo: dirname(place("x")) }, url, { tag: "v2", answer: "v2" });
  });

  test("but where the link leads, folders are looked at too", async () => {
    await chmod(join(rig.dir, "disk"), 0o777);
    assertTold(await rig.zdr(["deploy", "--tag", "v2"]), { exit: 5, error: /disk has mode 0777, so others could/ });
  });
});
