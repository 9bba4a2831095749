/** The edge as developers of a worker run it: the real `wrangler dev`, beside the system's own edge, before the same gateways. */
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { experimental_readRawConfig as readRawConfig } from 'wrangler'
import { freePorts } from '../../../test/support/free-port.ts'
import { startProcess } from '../../../test/support/process-runner.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { RunningSystem } from '../start-system.ts'

export interface WranglerEdge extends AsyncDisposable {
  readonly url: string
  /** All that it printed. */
  output(): string
}

/** So that nothing asks, reports or hangs: wrangler takes literally `true` and `false`. */
const quiet = {
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
}
const readyWithinMs = 60_000
const configuration = fileURLToPath(new URL('../../../edge-worker/wrangler.jsonc', import.meta.url))
const wrangler = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin/wrangler.js')

/** Resolves when it serves. By `edge-worker/wrangler.jsonc`; places, keys and ports are those of the system. */
export async function startWranglerEdge({ demo, home }: RunningSystem): Promise<WranglerEdge> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const [port, inspector] = await freePorts(2)
  const { rawConfig } = readRawConfig({ config: configuration })
  const key = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(home, 'keys', name), 'utf8'))
  const { onprem, cloud } = demo.gateways
  const config = {
    ...rawConfig,
    $schema: undefined,
    main: join(dirname(configuration), String(rawConfig.main)),
    dev: { ip: '127.0.0.1', port, inspector_port: inspector },
    vars: {
      ...rawConfig.vars,
      SITES: { onprem: onprem.public, cloud: cloud.public },
      CONTROL_PLANE_URL: demo.console,
      TABLE_KEYS: await key('tables.public.json'),
      GATEWAY_RING: await key('edge-gateway.json'),
      CONTROL_RING: await key('edge-control.json'),
    },
  }
  await writeFile(folder.file('wrangler.json'), JSON.stringify(config), { mode: 0o600 })
  const running = stack.use(
    await startProcess({
      command: process.execPath,
      args: [wrangler, 'dev', '--config', folder.file('wrangler.json'), '--local'],
      cwd: folder.path,
      env: { ...quiet, WRANGLER_LOG_PATH: folder.file('logs') },
      ready: /Ready on http/,
      deadlineMs: readyWithinMs,
    }),
  )
  const all = stack.move()
  return {
    url: `http://127.0.0.1:${port}`,
    output: running.output,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
