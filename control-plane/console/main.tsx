import './tokens.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient } from '../api-client/client.ts'
import { useLive } from './live.ts'
import { Board } from './screens/board/board.tsx'

const client = createClient({ url: location.origin })

function Console() {
  return <Board live={useLive(client)} />
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Console />
  </StrictMode>,
)
