/** Fresh keys as files, as `tidegate keys init` would write them. */
import { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { encodeBase64url } from '#routes/base64url.ts'
import { KeyRing, type Purpose, type RingFile } from '#routes/seal.ts'
import { systemRandom } from '#server-kit/random.ts'
import { type KeyFiles, type Keys, readKeys } from '../../../control-plane/keys.ts'

export interface TestKeys {
  readonly files: KeyFiles
  readonly keys: Keys
  readonly publicKey: { readonly id: string; readonly publicKey: string }
}

export async function writeKeys(file: (name: string) => string): Promise<TestKeys> {
  const pair = (await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const privateKey = encodeBase64url(new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)))
  const publicKey = encodeBase64url(new Uint8Array(await webcrypto.subtle.exportKey('raw', pair.publicKey)))
  const files = {
    tableSigning: file('tables.json'),
    gateways: file('control-gateway.json'),
    edges: file('edge-control.json'),
  }
  const write = (path: string, value: unknown) => writeFile(path, JSON.stringify(value), { mode: 0o600 })
  await write(files.tableSigning, { id: 't1', privateKey, publicKey })
  await write(files.gateways, ringFile('control-gateway'))
  await write(files.edges, ringFile('edge-control'))
  return { files, keys: await readKeys(files), publicKey: { id: 't1', publicKey } }
}

export function ringFile(purpose: Purpose): RingFile {
  return { purpose, keys: [{ id: 'k1', secret: encodeBase64url(systemRandom.bytes(32)) }] }
}

export async function strangersRing(purpose: Purpose): Promise<KeyRing> {
  return (await KeyRing.open(ringFile(purpose))) as KeyRing
}
