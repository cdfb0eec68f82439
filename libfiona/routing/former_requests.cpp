// SPDX-License-Identifier: MIT
#include "libfiona/routing/former_requests.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/request_files.h"
#include "libfiona/store/requests.h"

#include <algorithm>

namespace fiona::routing {

FormerRequests::FormerRequests(const Paths& paths)
{
    for (const auto& directory : {paths.done(), paths.failed(), paths.held()}) {
        for (auto& name : visible_names(directory)) {
            if (!name.ends_with(store::files::messages_name(""))) {
                m_files.emplace_back(std::move(name), directory);
            }
        }
    }
    std::ranges::sort(m_files);
}

bool FormerRequests::has(const StudyUid& study, const ProjectName& project) const
{
    const auto beginning = study.str() + "_";
    auto file =
        std::ranges::lower_bound(m_files, beginning, {}, &decltype(m_files)::value_type::first);
    for (; file != m_files.end() && file->first.starts_with(beginning); ++file) {
        const auto& [name, directory] = *file;
        try {
            const auto text = read_file_if_any(directory / name, store::files::max_note_bytes);
            if (text && store::TransferRequest::parse(*text, name).project == project) {
                return true;
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            log::debug("request_unreadable", {{"request", name}, {"reason", e.what()}});
        }
    }
    return false;
}

} // namespace fiona::routing
