/**
 * node server-kit/bootstrap.mjs SCRIPT [ARGS]
 *
 * Runs SCRIPT on Node >= 24 with all packages in place and the console built, whatever Node >= 20 this is and whatever is installed.
 * Plain JavaScript, no package: it is what runs before anything else can.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildConsole } from './built-console.mjs'
import { CannotStart, environmentFor, findNode, homeOf } from './find-node.mjs'
import { installPackages } from './installed-packages.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// To standard error: what SCRIPT prints may be read by a program.
const log = (line) => process.stderr.write(`tidegate: ${line}\n`)

try {
  const [script, ...args] = process.argv.slice(2)
  if (script === undefined) throw new CannotStart('usage: node server-kit/bootstrap.mjs SCRIPT [ARGS]')
  const node = await findNode({ root, log })
  await installPackages({ root, node, log })
  await buildConsole({ root, node, log })
  runInstead(node, [script, ...args])
} catch (cause) {
  log(cause instanceof CannotStart ? cause.message : (cause?.stack ?? String(cause)))
  process.exitCode = 1
}

/** From here on this process only stands for its child: signals go down, the end comes up. */
function runInstead(node, argv) {
  const env = {
    ...environmentFor(node),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(homeOf(root), 'compile-cache'),
  }
  const child = spawn(node, argv, { stdio: 'inherit', env })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const forward = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  child.once('error', (cause) => {
    log(`${node} cannot be run: ${cause.message}`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward)
    // A child that a signal ended: end the same way, so that whoever called can tell.
    if (signal !== null) process.kill(process.pid, signal)
    else process.exitCode = code ?? 1
  })
}
