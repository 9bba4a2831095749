import { writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const whole = {
  listen: { public: '127.0.0.1:0' },
  home: 'home',
  keys: { tableSigning: 'a', gateways: 'b', edges: 'c' },
}
const cloudflare = {
  account: '0123456789abcdef0123456789abcdef',
  script: 'tidegate-edge-production',
  token: '${env:CLOUDFLARE_API_TOKEN}',
  host: 'https://api.example.com',
}

async function read(group: object | undefined) {
  await using folder = await temporaryFolder()
  const file = folder.file('control-plane.yaml')
  await writeFile(file, JSON.stringify({ ...whole, ...(group && { cloudflare: group }) }))
  return readControlPlaneConfig(file, {})
}

it('the group `cloudflare` is optional, and its token stays a reference', async () => {
  expect((await read(undefined)).cloudflare).toBeUndefined()
  expect((await read(cloudflare)).cloudflare).toEqual({ ...cloudflare, api: 'https://api.cloudflare.com/client/v4' })
})

it('a token that stands in the file itself is refused, and not repeated', async () => {
  const refused = read({ ...cloudflare, token: 'a-real-token' })

  await expect(refused).rejects.toMatchObject({ code: 'secret-reference-invalid' })
  await expect(refused).rejects.not.toThrow('a-real-token')
})

it.each([
  [{ account: 'mine' }, 'expected an id of Cloudflare'],
  [{ host: 'https://api.example.com/path' }, 'expected an http or https URL'],
  [{ script: 'Tide Gate' }, 'expected the name of a script'],
  [{ kvNamespace: 'PLACEMENTS' }, 'expected an id of Cloudflare'],
  [{ api: 'https://me:secret@proxy.example.com/client/v4' }, 'without credentials'],
  [{ zone: 'x' }, 'zone'],
])('%o is told apart from what it should be', async (wrong, words) => {
  await expect(read({ ...cloudflare, ...wrong })).rejects.toThrow(words)
})
