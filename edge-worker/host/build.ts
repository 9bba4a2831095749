/**
 * `node edge-worker/host/build.ts --table FILE --out FOLDER`: the script for Cloudflare, with the table of FILE (a table offer
 * as JSON) inside, as modules in FOLDER, and what an upload has to know of them in `script.json`. Nothing is sent anywhere.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { bundleWorker, tableModule } from './bundle.ts'
import { firstAnswerMs } from './startup-time.ts'
import { compatibilityDate, compatibilityFlags } from './workerd-config.ts'

const { values } = parseArgs({ options: { table: { type: 'string' }, out: { type: 'string' } } })
const { table, out } = values
if (table === undefined || out === undefined) {
  process.stderr.write('node edge-worker/host/build.ts --table FILE --out FOLDER\n')
  process.exit(2)
}

/** A script module, as the upload knows no JSON ones; the parser of JSON is faster than that of JavaScript, too. */
const tableName = 'bundled-table.js'
const offer: unknown = JSON.parse(await readFile(table, 'utf8'))
const tableCode = `export default JSON.parse(${JSON.stringify(JSON.stringify(offer))})\n`
const { code: bundled } = await bundleWorker()
const code = bundled.replace(JSON.stringify(tableModule), JSON.stringify(`./${tableName}`))

await mkdir(out, { recursive: true })
const modules = { 'worker.js': code, [tableName]: tableCode }
for (const [name, text] of Object.entries(modules)) await writeFile(join(out, name), text)

const gzip = (text: string) => gzipSync(text, { level: 9 }).length
const settings = JSON.stringify([compatibilityDate, compatibilityFlags])
const script = {
  mainModule: 'worker.js',
  modules: Object.keys(modules),
  compatibilityDate,
  compatibilityFlags,
  codeDigest: createHash('sha256').update(settings).update(code).digest('base64url'),
  codeGzipBytes: gzip(code),
  gzipBytes: gzip(code) + gzip(tableCode),
  startupMs: await firstAnswerMs(out, Object.keys(modules)),
}
await writeFile(join(out, 'script.json'), `${JSON.stringify(script)}\n`)
