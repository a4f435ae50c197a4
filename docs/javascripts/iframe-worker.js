// Pages that are opened from a folder may start no worker, which the search is: a hidden frame does its work.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #inner;
    #waiting = [];

    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inner = frame.contentWindow;
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = frame.contentDocument.createElement("script");
      script.src = url;
      script.onload = () => {
        this.#inner = inner;
        for (const data of this.#waiting.splice(0)) this.postMessage(data);
      };
      frame.contentDocument.body.append(script);
    }

    postMessage(data) {
      if (this.#inner) this.#inner.dispatchEvent(new MessageEvent("message", { data }));
      else this.#waiting.push(data);
    }
  };
}
