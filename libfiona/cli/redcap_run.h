// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/cli/tool.h"
#include "libfiona/routing/redcaps.h"

#include <functional>

namespace fiona::cli {

/// What the tools that work on REDCap every minute have in common: `--now`, their lock, the copy of
/// REDCap that they share, and nothing done while it is known to be down.
class RedcapRun {
public:
    /// Adds `--now`. `tool` outlives it.
    explicit RedcapRun(Tool& tool);

    /// Within Tool::run(): takes the tool's lock, and works unless REDCap rests.
    void operator()(const std::function<void(routing::Redcaps&)>& work) const;

private:
    Tool& m_tool;
    bool m_look_now = false;
};

} // namespace fiona::cli
