// The first file of the installed program, and all of it that an old Node has to understand: hence no newer syntax.
// It says what is wrong with the Node that runs it, and loads the program with what V8 made of it the last time.
//
// V8 compiles a function when it is first called, which is half of the time that a short command takes. The cache holds
// every function that this verb called in its first run; Node's own compile cache (module.enableCompileCache) is made
// before anything was called, and so holds hardly any. V8 itself refuses a cache of another V8; the rest is our care:
// its name says which bundle it is of, and its first bytes are the hash of the others.
var crypto = require("node:crypto");
var fs = require("node:fs");
var Module = require("node:module");
var os = require("node:os");
var path = require("node:path");
var vm = require("node:vm");

var supported = SUPPORTED_NODE;
var EXIT_USAGE = 2;
var HASH_BYTES = 32;

function isAtLeast(version, floor) {
  for (var i = 0; i < 3; i++) {
    if (version[i] !== floor[i]) return version[i] > floor[i];
  }
  return true;
}

function sha256(bytes) {
  return crypto.createHash("sha256").update(bytes).digest();
}

// In the user's own cache and not in /tmp, where another user could put code for us to run.
function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "zdr");
}

function cacheName() {
  var verb = process.argv[2];
  return "CLI_HASH-" + (/^[a-z]{1,20}$/.test(verb) ? verb : "none") + ".code";
}

function readCache(file) {
  try {
    var bytes = fs.readFileSync(file);
    var code = bytes.subarray(HASH_BYTES);
    return sha256(code).equals(bytes.subarray(0, HASH_BYTES)) ? code : undefined;
  } catch (error) {
    return undefined;
  }
}

function makeFolder(folder) {
  if (!fs.existsSync(folder)) fs.mkdirSync(folder, { mode: 448 });
}

// A cache that can not be written is done without. Caches of other bundles would only pile up.
function writeCache(folder, name, code) {
  try {
    // A home that is not there stays so.
    makeFolder(path.dirname(folder));
    makeFolder(folder);
    var temporary = path.join(folder, name + "." + process.pid);
    fs.writeFileSync(temporary, Buffer.concat([sha256(code), code]), { mode: 384, flag: "wx" });
    fs.renameSync(temporary, path.join(folder, name));
    fs.readdirSync(folder).forEach(function (other) {
      if (/\.code$/.test(other) && other.indexOf("CLI_HASH-") !== 0) fs.unlinkSync(path.join(folder, other));
    });
  } catch (error) {
    // no home, no room, no rights
  }
}

function load(file) {
  var folder = cacheFolder();
  var name = cacheName();
  var cached = readCache(path.join(folder, name));
  var wrapper = Module.wrap("\0").split("\0");
  // Put together as bytes, since V8 would copy what is put together as strings. The bundle is ASCII (scripts/build.ts).
  var source = Buffer.concat([Buffer.from(wrapper[0]), fs.readFileSync(file), Buffer.from(wrapper[1])]).toString("latin1");
  var script = new vm.Script(source, {
    filename: file,
    columnOffset: -wrapper[0].length,
    cachedData: cached
  });
  if (cached === undefined || script.cachedDataRejected) {
    process.on("exit", function (code) {
      if (code !== EXIT_USAGE) writeCache(folder, name, script.createCachedData());
    });
  }
  var main = { exports: {} };
  script.runInThisContext().call(main.exports, main.exports, Module.createRequire(file), main, file, path.dirname(file));
}

var version = process.versions.node.split(".").map(Number);
var isSupported = supported.some(function (range) {
  return isAtLeast(version, range.floor) && (!range.sameMajor || version[0] === range.floor[0]);
});

if (isSupported) load(path.join(__dirname, "cli.cjs"));
else {
  // That of the checkout that this was built in.
  var own = path.join(__dirname, "..", ".node/node_modules/.bin");
  var where = fs.existsSync(path.join(own, "node")) ? "this one, say: export PATH=" + own + ":$PATH" : "https://nodejs.org has them";
  process.stderr.write(
    "zdr: error: this is Node " + process.versions.node + " (" + process.execPath + "), and zdr needs Node " + ENGINES + "\n" +
      "zdr: hint:  put a newer Node first in PATH (" + where + "); hosts that zdr deploys to need only Node 18\n"
  );
  process.exitCode = EXIT_USAGE;
}
