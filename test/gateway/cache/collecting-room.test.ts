import { expect, it } from 'vitest'
import { CollectingRoom } from '../../../gateway/cache/collecting-room.ts'

it('bodies on their way to the store take 64 MiB of a process and no more', () => {
  const room = new CollectingRoom()

  expect(room.take(64 * 1024 * 1024)).toBe(true)
  expect(room.take(1)).toBe(false)
  room.giveBack(1)
  expect(room.take(1)).toBe(true)
  expect(room.takenBytes).toBe(64 * 1024 * 1024)
})
