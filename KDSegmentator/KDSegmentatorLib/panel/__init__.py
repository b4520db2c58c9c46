"""The panel: joins the scene, the logic and the widgets. Each file looks after one concern."""
