//! What this machine says about itself, for people to read: nothing is decided on it.

use std::fs;

use candle_core::Device;

/// The device's name: the driver's for an NVIDIA device, the kernel's for a processor.
#[must_use]
pub fn device_name(device: &Device) -> String {
    let found = if device.is_cpu() { processor() } else { nvidia() };
    found.unwrap_or_else(|| "unknown".to_owned())
}

/// The driver, or the kernel.
#[must_use]
pub fn system_name(device: &Device) -> String {
    let path =
        if device.is_cpu() { "/proc/sys/kernel/osrelease" } else { "/proc/driver/nvidia/version" };
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let shown: String = words.join(" ").chars().take(120).collect();
    if shown.is_empty() { std::env::consts::OS.to_owned() } else { shown }
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, model) = model.split_once(':')?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Some(format!("{}, {cores} cores", model.trim()))
}

fn nvidia() -> Option<String> {
    let gpus = fs::read_dir("/proc/driver/nvidia/gpus").ok()?;
    let mut models: Vec<String> = gpus
        .filter_map(|gpu| fs::read_to_string(gpu.ok()?.path().join("information")).ok())
        .filter_map(|text| {
            let model = text.lines().find(|line| line.starts_with("Model:"))?;
            Some(model.split_once(':')?.1.trim().to_owned())
        })
        .collect();
    models.sort();
    models.into_iter().next()
}
