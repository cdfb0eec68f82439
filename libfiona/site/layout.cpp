// SPDX-License-Identifier: MIT
#include "libfiona/site/layout.h"

namespace fiona::site {

namespace fs = std::filesystem;

Paths paths_below(const fs::path& root)
{
    // The defaults of Config with a prefix: the original's absolute paths below `root`.
    return {.data = root / "data",
            .processing = root / "home/processing",
            .server = root / "var/www/html/server",
            .applications = root / "var/www/html/applications",
            .export_root = root / "export2"};
}

std::vector<Directory> directories(const Paths& paths)
{
    constexpr mode_t owner_only = 0700;
    return {{paths.data},
            {paths.config()},
            {paths.keys(), owner_only},
            {paths.site()},
            {paths.archive()},
            {paths.incoming_parts()},
            {paths.rejected()},
            {paths.raw()},
            {paths.participants()},
            {paths.srs()},
            {paths.arrived()},
            {paths.spool()},
            {paths.status()},
            {paths.temporary(), owner_only},
            {paths.processing},
            {paths.requests()},
            {paths.work()},
            {paths.held()},
            {paths.done()},
            {paths.failed()},
            {paths.logs()},
            {paths.pids()},
            {paths.state()},
            {paths.state() / "locks"},
            {paths.server},
            {paths.server_logs()},
            {paths.server_pids()},
            {paths.applications},
            {paths.incoming_list().parent_path()},
            {paths.export_root}};
}

std::vector<std::vector<fs::path>> rename_groups(const Paths& paths)
{
    return {{paths.archive(), paths.incoming_parts(), paths.rejected(), paths.spool()},
            {paths.requests(), paths.work(), paths.held(), paths.done(), paths.failed()}};
}

} // namespace fiona::site
