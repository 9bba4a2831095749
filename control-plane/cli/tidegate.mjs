#!/usr/bin/env node
/** The `tidegate` command for any Node >= 20: hands over to the Node and the packages that Tidegate runs on. */
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

// The real path: npx calls it by a link.
const here = dirname(realpathSync(fileURLToPath(import.meta.url)))
const root = join(here, '..', '..')
const main = join(here, 'main.ts')
const args = process.argv.slice(2)
const log = (line) => process.stderr.write(`tidegate: ${line}\n`)

if (!existsSync(join(root, 'node_modules', 'commander'))) {
  // The first thing ever typed in this clone: everything is still to be installed.
  runInstead(process.execPath, [join(root, 'server-kit', 'bootstrap.mjs'), main, ...args])
} else if (Number.parseInt(process.versions.node, 10) >= 24) {
  // This process can do it itself: a second one would take as long again as the command.
  await import(pathToFileURL(main).href)
} else {
  await onFoundNode()
}

async function onFoundNode() {
  const { findNode } = await import('../../server-kit/find-node.mjs')
  try {
    runInstead(await findNode({ root, log }), [main, ...args])
  } catch (cause) {
    log(cause?.message ?? cause)
    process.exitCode = 1
  }
}

/** Signals go down, the end comes up. */
function runInstead(node, argv) {
  const child = spawn(node, argv, { stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const forward = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  child.once('error', (cause) => {
    log(`${node} cannot be run: ${cause.message}`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    for (const name of signals) process.off(name, forward)
    // A command that a signal ended ends us the same way, so that whoever called can tell.
    if (signal === null) process.exitCode = code ?? 1
    else process.kill(process.pid, signal)
  })
}
