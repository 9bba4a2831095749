import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { echoSocket } from '../../../gateway/echo/echo-socket.ts'

it('the answer to a handshake is the one that RFC 6455 section 1.3 writes', () => {
  expect(echoSocket('dGhlIHNhbXBsZSBub25jZQ==', '').headers).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
})

it.each([
  [0, [0x81, 0]],
  [125, [0x81, 125]],
  [126, [0x81, 126, 0, 126]],
  [65_535, [0x81, 126, 0xff, 0xff]],
  [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
])('a text of %i bytes is one frame with its length, and the close behind it', async (length, head) => {
  const bytes = await buffer(echoSocket('key', 'x'.repeat(length)).tunnel as Duplex)

  expect([...bytes.subarray(0, head.length)]).toEqual(head)
  expect(bytes.subarray(head.length, -4).toString()).toBe('x'.repeat(length))
  expect([...bytes.subarray(-4)]).toEqual([0x88, 2, 0x03, 0xe8])
})
