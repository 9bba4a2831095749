import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import { describe, expect, it } from 'vitest'
import { EventStream } from '../../../control-plane/live/event-stream.ts'
import { Events } from '../../../control-plane/live/events.ts'

describe('a stream whose reader left before it began', () => {
  it('takes no place and ends what was begun for it', () => {
    const raw = new ServerResponse(new IncomingMessage(new Socket()))
    raw.destroy()
    const stream = new EventStream({ raw, hijack: () => undefined } as unknown as FastifyReply, 60_000)
    const events = new Events()
    let closed = 0
    stream.onClose(() => closed++)

    events.attach(stream, undefined, 0)

    expect([closed, events.listeners]).toEqual([1, 0])
  })
})
