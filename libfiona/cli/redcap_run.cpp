// SPDX-License-Identifier: MIT
#include "libfiona/cli/redcap_run.h"

namespace fiona::cli {

RedcapRun::RedcapRun(Tool& tool) : m_tool{tool}
{
    tool.options().add_flag("--now", m_look_now,
                            "ask REDCap itself, however young the copy of it is");
}

void RedcapRun::operator()(const std::function<void(routing::Redcaps&)>& work) const
{
    m_tool.run_alone();
    routing::Redcaps redcaps{m_tool.config().redcap, m_tool.mode(),
                             m_look_now ? redcap::Freshness::now : redcap::Freshness::usual};
    if (!redcaps.is_resting(Clock::now())) {
        work(redcaps);
    }
}

} // namespace fiona::cli
