// The door: the frame and the view that the address asks for are fetched side by side, not one behind the other.

import { loadView } from "./views.js";

loadView(new URLSearchParams(location.search).get("view")).catch(() => null); // the frame asks again, and tells
import("./frame.js");
