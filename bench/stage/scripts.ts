import type { Stage } from '../../test/stage/stage.ts';

/** Pages and scripts of a benchmark on the origin of a stage, beside the app. */
export class Scripts {
  readonly url: string;
  readonly #texts = new Map<string, string | Buffer>();

  constructor(stage: Stage) {
    this.url = stage.url;
    const { answer } = stage;
    stage.answer = (path, request, response) => {
      const text = this.#texts.get(path);
      if (text === undefined) return answer(path, request, response);
      response.setHeader('Content-Type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(text);
      return true;
    };
  }

  add(path: string, text: string | Buffer): void {
    this.#texts.set(path, text);
  }
}
