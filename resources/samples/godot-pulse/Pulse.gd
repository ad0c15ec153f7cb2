extends Node

# A world of bodies around a star, stepped and reported without a window.
#
#   PULSE_BODIES    how many bodies (default 120)
#   PULSE_SECONDS   end by itself after so many seconds (default: never)

const STEP = 0.05
const REPORT_EVERY = 0.5

var bodies = []
var speeds = []
var age = 0.0
var rest = 0.0
var next_report = 0.0
var reports = 0
var steps = 0
var seconds = 0.0


func _ready():
	Engine.target_fps = 20
	seconds = float(setting("PULSE_SECONDS", "0"))
	var count = int(max(1, int(setting("PULSE_BODIES", "120"))))
	seed(1618)
	for n in range(count):
		var place = Vector2(60 + randf() * 240, 0).rotated(randf() * TAU)
		bodies.append(place)
		speeds.append(place.tangent().normalized() * sqrt(90000.0 / place.length()))
	var version = Engine.get_version_info()
	info("Pulse is ready: Godot %s, %d bodies" % [version["string"], count])
	debug("user folder %s" % OS.get_user_data_dir())


func _process(delta):
	age += delta
	rest = min(rest + delta, 0.5)
	while rest >= STEP:
		rest -= STEP
		step()
	if age >= next_report:
		next_report += REPORT_EVERY
		report()
	if seconds > 0 and age >= seconds:
		info("Time is up after %d steps" % steps)
		get_tree().quit()


func _notification(what):
	if what == MainLoop.NOTIFICATION_WM_QUIT_REQUEST:
		info("Asked to quit after %d steps" % steps)


func step():
	# The load rises and falls, so that the graphs have a shape.
	var passes = 1 + int(3.0 * (0.5 - 0.5 * cos(TAU * age / 20.0)))
	for _n in range(passes):
		for i in range(bodies.size()):
			var place = bodies[i]
			var pull = -place / max(place.length_squared(), 100.0) * 3000.0
			speeds[i] += pull * (STEP / passes) * 100.0 / max(place.length(), 10.0)
			bodies[i] = place + speeds[i] * (STEP / passes)
	steps += 1


func report():
	reports += 1
	var widest = 0.0
	for place in bodies:
		widest = max(widest, place.length())
	if reports % 20 == 0:
		warn("%d bodies are far out: widest orbit %.0f" % [far_out(), widest])
	elif reports % 33 == 0:
		# Goes to stderr, as Godot's own errors do.
		push_error("the star flickers (a harmless error, made on purpose)")
	elif reports % 3 == 0:
		debug("memory %d KiB, %d objects" % [OS.get_static_memory_usage() / 1024, object_count()])
	else:
		info("pulse %d: %d steps, widest orbit %.0f" % [reports, steps, widest])


func far_out():
	var count = 0
	for place in bodies:
		if place.length() > 300:
			count += 1
	return count


func object_count():
	return int(Performance.get_monitor(Performance.OBJECT_COUNT))


func setting(name, default):
	var value = OS.get_environment(name)
	return value if value != "" else default


func debug(text):
	print("[DEBUG] " + text)


func info(text):
	print("[INFO] " + text)


func warn(text):
	print("[WARN] " + text)
