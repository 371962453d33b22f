// The AI SDK: its tool loop through both APIs, whole and streamed. Prints one JSON object.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const openai = createOpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY });
const steps = isStepCount ?? stepCountIs;
const tools = {
  get_weather: tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
};
const out = {};
for (const [name, model] of [
  ["responses", openai("auto")],
  ["chat", openai.chat("auto")],
]) {
  const asked = { model, tools, prompt: "Weather in Rome?", stopWhen: steps(4), maxRetries: 0 };
  const whole = await generateText(asked);
  const streamed = streamText(asked);
  let text = "";
  for await (const piece of streamed.textStream) text += piece;
  out[name] = { whole: whole.text, streamed: text, reason: await streamed.finishReason };
}
console.log(JSON.stringify(out));
