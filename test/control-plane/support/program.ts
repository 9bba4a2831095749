/** The control plane as a process of its own, for tests that kill it. */
import { writeFile } from 'node:fs/promises'
import { systemRandom } from '#server-kit/random.ts'
import { hashToken, newToken } from '../../../control-plane/access/token.ts'
import { createClient } from '../../../control-plane/api-client/client.ts'
import { type RunningProcess, startScript } from '../../support/process-runner.ts'
import type { TemporaryFolder } from '../../support/temporary-folder.ts'
import { type TestKeys, writeKeys } from './keys.ts'

export interface ControlPlaneProgram {
  readonly keys: TestKeys
  readonly token: string
  readonly configFile: string
  readonly home: string
}

/** Writes keys and configuration; nothing runs yet. `gateways` are asked at each start. */
export async function prepareProgram(
  folder: TemporaryFolder,
  gateways: readonly { site: string; internalUrl: string }[] = [],
): Promise<ControlPlaneProgram> {
  const keys = await writeKeys(folder.file)
  const token = newToken(systemRandom)
  const configFile = folder.file('control-plane.yaml')
  const home = folder.file('home')
  const yaml = {
    listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
    home: 'home',
    keys: { tableSigning: 'tables.json', gateways: 'control-gateway.json', edges: 'edge-control.json' },
    gateways,
    bootstrapTokens: [{ name: 'admin', sha256: hashToken(token), scopes: ['admin'] }],
  }
  await writeFile(configFile, JSON.stringify(yaml))
  return { keys, token, configFile, home }
}

export interface StartedProgram {
  readonly process: RunningProcess
  readonly url: string
  readonly client: ReturnType<typeof createClient>
  /** From spawn to the ready line. */
  readonly readyMs: number
}

export async function startProgram({ configFile, token }: ControlPlaneProgram): Promise<StartedProgram> {
  const started = performance.now()
  const process = await startScript('control-plane/main.ts', ['--config', configFile], { ready: /"ready":true/ })
  const readyMs = performance.now() - started
  const url = /"url":"([^"]+)"/.exec(process.output())?.[1] ?? ''
  return { process, url, client: createClient({ url, token }), readyMs }
}
