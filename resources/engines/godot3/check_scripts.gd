extends SceneTree

# Loads every script of the project, so that the engine reports those that it cannot parse: an export
# packs them as they are and exits 0. SLATE puts this file into the build's workspace.

func _initialize():
	var count = 0
	var broken = 0
	var folders = ["res://"]
	while not folders.empty():
		var folder = folders.pop_back()
		var dir = Directory.new()
		if dir.open(folder) != OK:
			continue
		dir.list_dir_begin(true, true)
		var name = dir.get_next()
		while name != "":
			var path = folder.plus_file(name)
			if dir.current_is_dir():
				folders.append(path)
			elif name.get_extension() == "gd":
				count += 1
				var script = load(path)
				if script == null or not script.can_instance():
					broken += 1
			name = dir.get_next()
		dir.list_dir_end()
	print("slate: checked %d scripts, %d broken" % [count, broken])
	quit(1 if broken > 0 else 0)
