import assert from "node:assert/strict";
import { KeyObject } from "node:crypto";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { Client, ClientChannel } from "ssh2";
import { narrowWindow, prepareKeys } from "../../../../../cli/io/ssh/inside-ssh2.ts";

interface Info {
  readonly len: number;
  readonly keyLen: number;
  readonly ivLen: number;
}
interface Ssh2Crypto {
  readonly init: Promise<void>;
  readonly CIPHER_INFO: Readonly<Record<string, Info>>;
  readonly MAC_INFO: Readonly<Record<string, Info>>;
  createCipher(config: object): { allocPacket(bytes: number): Buffer; encrypt(packet: Buffer): void };
  createDecipher(config: object): { decrypt(data: Buffer, at: number, length: number): void };
}
/** Private to ssh2: this test says when its ciphers keep their keys elsewhere. */
const ssh2: Ssh2Crypto = createRequire(import.meta.url)("ssh2/lib/protocol/crypto.js");

/** Both directions of a connection whose packets come back to it, without ssh2's native addon, which zdr does not ship. */
function loop(cipherName: string) {
  const [cipherInfo, macInfo] = [ssh2.CIPHER_INFO[cipherName], ssh2.MAC_INFO["hmac-sha2-256-etm@openssh.com"]];
  assert.ok(cipherInfo && macInfo);
  const [key, iv, macKey] = [cipherInfo.keyLen, cipherInfo.ivLen, macInfo.len].map((length) =>
    Buffer.alloc(length, "k"),
  );
  const own = { seqno: 7, macInfo, macKey, forceNative: true };
  const sent: Buffer[] = [];
  const got: string[] = [];
  const cipher = ssh2.createCipher({
    outbound: {
      ...own,
      cipherInfo,
      cipherKey: key,
      cipherIV: Buffer.from(iv ?? []),
      onWrite: (part: Buffer) => sent.push(part),
    },
  });
  const decipher = ssh2.createDecipher({
    inbound: {
      ...{ ...own, decipherInfo: cipherInfo, decipherKey: key, decipherIV: Buffer.from(iv ?? []) },
      onPayload: (payload: Buffer) => void got.push(payload.toString()),
    },
  });
  const pass = (text: string) => {
    const packet = cipher.allocPacket(text.length);
    packet.write(text, 5);
    cipher.encrypt(packet);
    const bytes = Buffer.concat(sent.splice(0));
    decipher.decrypt(bytes, 0, bytes.length);
    return got.splice(0);
  };
  return {
    client: { _protocol: { _cipher: cipher, _decipher: decipher } } as unknown as Client,
    cipher,
    decipher,
    pass,
  };
}

for (const name of ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"]) {
  test(`${name}: the keys are prepared once, and what is sent stays the same`, async () => {
    await ssh2.init;
    const { client, cipher, decipher, pass } = loop(name);
    assert.deepEqual(pass("before"), ["before"]);
    prepareKeys(client);
    assert.deepEqual(pass("after"), ["after"]);
    for (const parts of [cipher, decipher]) {
      const kept = Object.values(parts);
      assert.ok(kept.some((value) => value instanceof KeyObject));
      assert.ok(!Object.entries(parts).some(([field, value]) => /Key/.test(field) && Buffer.isBuffer(value)));
    }
  });
}

test("a client of another make is left as it is", () => {
  const client = { _protocol: { _cipher: undefined } } as unknown as Client;
  prepareKeys(client);
  assert.deepEqual(client, { _protocol: { _cipher: undefined } });
});

const windowAfter = (version: string | undefined, window: number | undefined) => {
  const stream = { outgoing: { window } };
  narrowWindow({ _remoteVer: version } as unknown as Client, stream as unknown as ClientChannel);
  return stream.outgoing.window;
};

test("half a MiB at most is on the way to an OpenSSH on this machine", () => {
  assert.equal(windowAfter("OpenSSH_9.2p1 Debian-2", 2 * 1024 * 1024), 512 * 1024);
  assert.equal(windowAfter("OpenSSH_9.2p1", 1000), 1000);
});

test("a server that is not known to give its window back early keeps all of it", () => {
  for (const version of ["dropbear_2022.83", "AsyncSSH_2.14", "Go", undefined])
    assert.equal(windowAfter(version, 2 * 1024 * 1024), 2 * 1024 * 1024);
  assert.equal(windowAfter("OpenSSH_9.2p1", undefined), undefined);
});
