import Type, { type TObject, type TProperties } from 'typebox'
import { durationText, parseDuration, parseSize, sizeText, waitText } from '#routes/quantity.ts'

/** What the schemas of gateway.yaml are made of; each key has its unit, default and one sentence. */

export const closed = { additionalProperties: false } as const
export const name = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  patternErrorMessage: 'expected a lower-case name of at most 63 characters',
} as const

export const wait = (value: string, description: string) => Type.String({ ...waitText, default: value, description })
export const duration = (value: string, description: string) =>
  Type.String({ ...durationText, default: value, description })
export const size = (value: string, description: string) => Type.String({ ...sizeText, default: value, description })
export const count = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: value, description })
export const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description })
export const file = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description }))
/** A group whose keys all have defaults may be left out whole. */
export const group = <P extends TProperties>(properties: P, description: string): TObject<P> =>
  Type.Object(properties, { ...closed, default: {}, description })

/** A checked duration in ms. */
export const ms = (text: string): number => parseDuration(text) ?? 0
/** A checked size in bytes. */
export const bytes = (text: string): number => parseSize(text) ?? 0
