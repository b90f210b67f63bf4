# line: what plain work needs
# control: works
import os

with open("made", "w") as file:
    file.write("text")
os.rename("made", "moved")
assert open("moved").read() == "text"
