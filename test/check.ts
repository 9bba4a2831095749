/** `npm run check`: what can be known in seconds. Types, format, lint, dead code, house rules and unit tests. */
import { conclude, staticSteps, sum, vitestStep } from './support/test-steps.ts'

conclude(sum([await staticSteps(), await vitestStep('unit')]))
