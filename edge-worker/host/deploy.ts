/**
 * `npm run deploy:edge -- [--dry-run] [more]`: the worker to Cloudflare, by wrangler; what stands behind goes to it.
 * Account and token come from the environment, as wrangler reads them: CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { experimental_readRawConfig as readRawConfig } from 'wrangler'
import { frontCaches } from './front-caches.ts'

/** So that nothing asks, reports or hangs: wrangler takes literally `true` and `false`. */
const quiet = {
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
}

const require = createRequire(import.meta.url)
const wrangler = join(dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js')
const configuration = fileURLToPath(new URL('../wrangler.jsonc', import.meta.url))
const { rawConfig } = readRawConfig({ config: configuration })
const refused = frontCaches(rawConfig, process.argv.slice(2))
if (refused.length > 0) {
  process.stderr.write(`not deployed: ${refused.join('; ')}\n`)
  process.exit(1)
}
const args = ['deploy', '--config', configuration, '--env', 'production', ...process.argv.slice(2)]
const child = spawn(process.execPath, [wrangler, ...args], { env: { ...process.env, ...quiet }, stdio: 'inherit' })
const [code] = (await once(child, 'exit')) as [number | null]
process.exitCode = code ?? 1
