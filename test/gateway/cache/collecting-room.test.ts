import { expect, it } from 'vitest'
import { CollectingRoom } from '../../../gateway/cache/collecting-room.ts'

const mebibyte = 1024 * 1024

it('bodies on their way to the store take 64 MiB of a process and no more', () => {
  const room = new CollectingRoom()

  expect(room.take('orders', 32 * mebibyte)).toBe(true)
  expect(room.take('users', 31 * mebibyte)).toBe(true)
  expect(room.take('carts', mebibyte + 1)).toBe(false)
  expect(room.take('carts', mebibyte)).toBe(true)
  room.giveBack('orders', 1)
  expect(room.take('carts', 1)).toBe(true)
  expect(room.takenBytes).toBe(64 * mebibyte)
})

it('bodies of one service take half of it: those of the others are stored, however slow its own are', () => {
  const room = new CollectingRoom()
  const taken = Array.from({ length: 64 }, () => room.take('slow', mebibyte))

  expect(taken.filter(Boolean)).toHaveLength(32)
  expect(room.take('orders', 32 * mebibyte)).toBe(true)
  room.giveBack('slow', mebibyte)
  expect([room.take('slow', mebibyte), room.take('slow', 1)]).toEqual([true, false])
})
