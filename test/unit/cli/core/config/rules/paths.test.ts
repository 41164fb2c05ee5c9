import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Checked } from "../../../../../../cli/core/config/rules/checked.ts";
import {
  checkAbsolutePath,
  checkBuildPath,
  checkDeployTo,
  checkLocalPath,
  checkSharedPath,
} from "../../../../../../cli/core/config/rules/paths.ts";

const said = (checked: Checked<string>) =>
  "ok" in checked
    ? checked
    : checked.suggestion === undefined
      ? checked.problem
      : `${checked.problem} (${checked.suggestion})`;

describe("deploy_to", () => {
  test("is a folder of the project's own", () => {
    for (const path of [
      "/data/web/shop",
      "/srv/shop",
      "/home/deploy",
      "/opt/a.b_c-d@e+f",
      "/usr/local/shop",
      "/dev/shm/x",
      "/tmp/x/y",
      "/var/www/shop",
    ]) {
      assert.deepEqual(checkDeployTo(path), { ok: path });
    }
    assert.deepEqual(checkDeployTo("/srv/shop/"), { ok: "/srv/shop" });
  });

  test("anything else is refused", () => {
    for (const [path, problem] of [
      ["", "is empty"],
      ["srv/shop", 'is not absolute (did you mean "/srv/shop"?)'],
      ["./shop", 'is not absolute (did you mean "/shop"?)'],
      ["~/shop", "begins with ~, which is not expanded (write the whole path)"],
      ["/", "is the root folder (name a folder of the project's own)"],
      ["//", "is the root folder (name a folder of the project's own)"],
      ["/srv/..", "is the root folder (name a folder of the project's own)"],
      ["/srv//shop", 'is written in a roundabout way (did you mean "/srv/shop"?)'],
      ["/srv/./shop", 'is written in a roundabout way (did you mean "/srv/shop"?)'],
      ["/srv/x/../shop", 'is written in a roundabout way (did you mean "/srv/shop"?)'],
      ["/etc", 'is a folder of the system (name one below it, such as "/etc/shop")'],
      ["/usr/", 'is a folder of the system (name one below it, such as "/usr/shop")'],
      ["/var/lib", 'is a folder of the system (name one below it, such as "/var/lib/shop")'],
      ["/etc/shop", 'is inside a folder of the system (name another, such as "/srv/shop")'],
      ["/usr/lib/shop", 'is inside a folder of the system (name another, such as "/srv/shop")'],
      ["/dev/shop", 'is inside a folder of the system (name another, such as "/srv/shop")'],
      [`/${"a".repeat(200)}`, "is longer than 200 characters"],
    ] as const) {
      assert.equal(said(checkDeployTo(path)), problem, path);
    }
    for (const path of [
      "/srv/my shop",
      "/srv/a;b",
      "/srv/a%b",
      "/srv/a\nb",
      '/srv/"x"',
      "/srv/{x}",
      "/srv/é",
      "/srv/$x",
    ]) {
      assert.match(String(said(checkDeployTo(path))), /^holds a character/, path);
    }
  });

  test("whatever is taken is absolute, normal and plain", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/[a-z./ ]{0,12}$/), (path) => {
        const checked = checkDeployTo(path);
        if ("problem" in checked) return;
        assert.match(checked.ok, /^(?:\/[a-z.]+)+$/);
        assert.ok(!checked.ok.split("/").some((part) => part === "." || part === ".."));
      }),
    );
  });
});

describe("a shared path", () => {
  test("is relative to the release and stays in it", () => {
    for (const path of ["logs", ".env", "public/uploads", "a b", "été", "..a", "run/x"])
      assert.deepEqual(checkSharedPath(path), { ok: path });
    assert.deepEqual(checkSharedPath("logs/"), { ok: "logs" });
    for (const [path, problem] of [
      ["", "is empty"],
      [".", "is the release itself"],
      ["./", "is the release itself"],
      ["..", 'holds "..", which leads out of the release'],
      ["a/../b", 'holds "..", which leads out of the release'],
      ["/logs", 'is absolute: it is named relative to the release (did you mean "logs"?)'],
      ["/", "is absolute: it is named relative to the release"],
      ["~/logs", "begins with ~, which is not expanded (name it relative to the release)"],
      ["a//b", 'is written in a roundabout way (did you mean "a/b"?)'],
      ["./a", 'is written in a roundabout way (did you mean "a"?)'],
      ["releases", 'begins with "releases", a name that zdr uses itself'],
      ["current/x", 'begins with "current", a name that zdr uses itself'],
      [".zdr/x", 'begins with ".zdr", a name that zdr uses itself'],
      ["a\nb", "holds a control character"],
    ] as const) {
      assert.equal(said(checkSharedPath(path)), problem, path);
    }
  });

  test("whatever is taken stays in the release", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a./~]{0,10}$/), (path) => {
        const checked = checkSharedPath(path);
        if ("problem" in checked) return;
        assert.ok(!checked.ok.startsWith("/"));
        assert.ok(checked.ok.split("/").every((part) => part !== "" && part !== "." && part !== ".."));
      }),
    );
  });
});

describe("other paths", () => {
  test("a build is a folder or an archive that can be read", () => {
    for (const path of ["dist/", ".", "../out", "x.tar", "x.tar.gz", "X.TGZ", "~/build", "v1.2"])
      assert.deepEqual(checkBuildPath(path), { ok: path });
    for (const path of ["x.zip", "x.tar.xz", "x.tar.bz2", "x.tar.zst", "x.7z", "x.gz"]) {
      assert.equal(
        said(checkBuildPath(path)),
        "is no folder, .tar, .tar.gz or .tgz (let build.run unpack it into a folder)",
        path,
      );
    }
    assert.equal(said(checkBuildPath("")), "is empty");
  });

  test("a file here may stand in one's own home alone", () => {
    assert.deepEqual(checkLocalPath("~/.ssh/id"), { ok: "~/.ssh/id" });
    assert.equal(
      said(checkLocalPath("~root/.ssh/id")),
      "names another user's home, which is not looked up (write the whole path)",
    );
  });

  test("a file on the hosts is absolute", () => {
    assert.deepEqual(checkAbsolutePath("/opt/node/bin/node"), { ok: "/opt/node/bin/node" });
    for (const path of ["node", "~/node", "", "/a\nb"]) assert.ok("problem" in checkAbsolutePath(path), path);
  });
});
