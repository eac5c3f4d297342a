import { JsonWebSocketConsumer } from 'tideway'
import { recipe } from '../site.ts'

export interface Row {
  readonly id: number
  readonly text: string
}
type ReadRows = () => AsyncIterable<Row>

export class ExportConsumer extends JsonWebSocketConsumer {
  readonly #readRows: ReadRows

  constructor(readRows: ReadRows) {
    super()
    this.#readRows = readRows
  }

  override async receiveJson() {
    for await (const row of this.#readRows()) {
      if (this.signal.aborted) return
      await this.sendJson(row) // waits while the client reads too slowly
    }
    await this.close()
  }
}

/** Stands in for a cursor of your database. */
async function* readRows() {
  for (let id = 1; id <= 10_000; id++) yield { id, text: 'x'.repeat(1000) }
}

export default recipe(import.meta.dirname, ExportConsumer.asApplication(readRows))
