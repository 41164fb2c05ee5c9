// The first file of the installed program, and all of it that an old Node has to understand: hence no newer syntax.
// It says what is wrong with the Node that runs it, turns V8's compile cache on, and loads the program itself.
var path = require("node:path");
var os = require("node:os");

var supported = SUPPORTED_NODE;

function isAtLeast(version, floor) {
  for (var i = 0; i < 3; i++) {
    if (version[i] !== floor[i]) return version[i] > floor[i];
  }
  return true;
}

var version = process.versions.node.split(".").map(Number);
var isSupported = supported.some(function (range) {
  return isAtLeast(version, range.floor) && (!range.sameMajor || version[0] === range.floor[0]);
});

if (!isSupported) {
  process.stderr.write(
    "zdr: error: this is Node " + process.versions.node + " (" + process.execPath + "), and zdr needs Node " + ENGINES + "\n" +
      "zdr: hint:  put a newer Node first in PATH; hosts that zdr deploys to need only Node 18\n"
  );
  process.exitCode = 2;
} else {
  // In the user's own cache and not in /tmp, where another user could put code for us to run.
  var cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  if (!process.env.NODE_COMPILE_CACHE) require("node:module").enableCompileCache(path.join(cache, "zdr"));
  require("./cli.cjs");
}
