/** A control plane in this process on free ports, with real sockets, stopped with its block. */
import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { type Random, systemRandom } from '#server-kit/random.ts'
import type { Scope } from '../../../control-plane/access/can.ts'
import { hashToken, newToken } from '../../../control-plane/access/token.ts'
import { createClient } from '../../../control-plane/api-client/client.ts'
import { type ControlPlane, openControlPlane } from '../../../control-plane/app.ts'
import type { ControlPlaneYaml } from '../../../control-plane/config.ts'
import type { BuildScript } from '../../../control-plane/edge/script-builder.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { type TestKeys, writeKeys } from './keys.ts'

export interface StartOptions {
  /** Default: in memory. */
  readonly home?: string
  readonly keys?: TestKeys
  readonly config?: Partial<ControlPlaneYaml>
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  readonly env?: Readonly<Record<string, string>>
  readonly buildEdgeScript?: BuildScript
}

export interface TestControlPlane extends AsyncDisposable {
  readonly controlPlane: ControlPlane
  readonly url: string
  readonly keys: TestKeys
  readonly folder: TemporaryFolder
  readonly adminToken: string
  readonly client: ReturnType<typeof createClient>
  /** As an operator whose token has these scopes. */
  clientWith(scopes: readonly Scope[]): Promise<ReturnType<typeof createClient>>
  /** A plain request with the admin's token, or with the given headers alone. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** A signed call of a gateway (default) or an edge. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Response>
  stop(): Promise<void>
}

export interface CallOptions {
  readonly ring?: KeyRing
  readonly audience?: string
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export async function startControlPlane(options: StartOptions = {}): Promise<TestControlPlane> {
  const folder = await temporaryFolder()
  const keys = options.keys ?? (await writeKeys(folder.file))
  const { clock = systemClock, random = systemRandom } = options
  const adminToken = newToken(random)
  const config: ControlPlaneYaml = {
    listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
    home: options.home ?? ':memory:',
    environment: 'test',
    keys: keys.files,
    gateways: [],
    edges: [],
    bootstrapTokens: [{ name: 'admin', sha256: hashToken(adminToken), scopes: ['admin'] }],
    log: { level: 'silent' },
    ...options.config,
  }
  const controlPlane = await openControlPlane({
    config,
    keys: keys.keys,
    clock,
    random,
    log: options.log ?? silentLog,
    version: '0.0.0',
    env: options.env ?? {},
    buildEdgeScript: options.buildEdgeScript,
  })
  await controlPlane.lifecycle.start()
  const url = `http://${controlPlane.addresses().public}`
  const client = createClient({ url, token: adminToken })
  const stop = async (): Promise<void> => {
    await controlPlane.lifecycle.stop('the test is over')
    await folder[Symbol.asyncDispose]()
  }
  return {
    controlPlane,
    url,
    keys,
    folder,
    adminToken,
    client,
    clientWith: async (scopes) => {
      const { token } = await client.createToken({ name: 'tester', scopes: [...scopes] })
      return createClient({ url, token })
    },
    fetch: (path, init) => fetch(url + path, { headers: { authorization: `Bearer ${adminToken}` }, ...init }),
    call: (method, path, body, callOptions = {}) => signedFetch(url, keys, method, path, body, callOptions),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

export async function signedFetch(
  url: string,
  { keys }: TestKeys,
  method: string,
  path: string,
  body: unknown,
  { ring = keys.rings['control-gateway'], audience = 'control-plane', headers: more = {}, signal }: CallOptions = {},
): Promise<Response> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const call = { method, target: path, body: new TextEncoder().encode(text), audience }
  const signature = await signCall(call, ring, Date.now(), systemRandom.id())
  const contentType: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  return fetch(url + path, {
    method,
    headers: { [headers.call]: signature, ...contentType, ...more },
    ...(body === undefined ? {} : { body: text }),
    ...(signal === undefined ? {} : { signal }),
  })
}
