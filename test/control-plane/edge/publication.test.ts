import { expect, it } from 'vitest'
import { digestOf } from '#routes/seal.ts'
import { differsInPlacementsOnly, messageOf, tagOf } from '../../../control-plane/edge/publication.ts'

const content = {
  structure: 999_999_999,
  structureDigest: await digestOf('structure'),
  placements: 999_999_999,
  placementsDigest: await digestOf('placements'),
  codeDigest: await digestOf('code'),
}

it('a version is named by its content alone, in as few bytes as every description of the API allows', async () => {
  const others = ['structureDigest', 'placementsDigest', 'codeDigest'].map(async (digest) =>
    tagOf({ ...content, [digest]: await digestOf('another') }),
  )

  expect(tagOf({ ...content, structure: 1, placements: 1 })).toBe(tagOf(content))
  expect(new Set([tagOf(content), ...(await Promise.all(others))]).size).toBe(4)
  expect(Buffer.byteLength(tagOf(content))).toBeLessThanOrEqual(25)
  expect(Buffer.byteLength(messageOf(content))).toBeLessThanOrEqual(100)
})

it('a version whose message has the same structure and code differs in placements at most', async () => {
  const message = messageOf({ ...content, placements: 3, placementsDigest: await digestOf('older') })

  expect(differsInPlacementsOnly(message, content)).toBe(true)
  expect(differsInPlacementsOnly(message, { ...content, structureDigest: await digestOf('new') })).toBe(false)
  expect(differsInPlacementsOnly(message, { ...content, codeDigest: await digestOf('new') })).toBe(false)
})

it('a version of somebody else, with any message or none, is not taken for ours', () => {
  for (const message of [undefined, '', 'by hand', `${messageOf(content)} and more`]) {
    expect(differsInPlacementsOnly(message, content)).toBe(false)
  }
})
