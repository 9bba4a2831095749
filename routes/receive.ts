import { receiver } from './receiver.ts'
import { decodeStructure } from './structure-codec.ts'

/** The one way in for gateways and the control plane, from network, disk and bundle alike. Never throws. */
export const receive = receiver(decodeStructure)
