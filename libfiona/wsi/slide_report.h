// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/routing/participant_rows.h"
#include "libfiona/routing/redcaps.h"
#include "libfiona/wsi/upload.h"
#include "libfiona/wsi/upload_state.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::wsi {

/// What REDCap is asked and told of slides. One for a run: every project is opened once. All of it may be
/// said again: what is there already is compared, not written.
class SlideReporter {
public:
    /// Both are borrowed.
    SlideReporter(const Config& config, routing::Redcaps& redcaps);

    /// Before anything costly: the project is active, takes such a participant, has a token, and its REDCap
    /// has that event. Throws Error{Fault::data} or Fault::config, and what the calls throw.
    void require_place_for(const Upload& upload);
    /// The patho_* keys of `content` that are fields of the project: in an instance for each slide where
    /// their form repeats, told apart by patho_slide_id (else patho_series_instance_uid). Throws
    /// Error{Fault::data} if REDCap refuses them, Fault::config if a form that does not repeat holds
    /// another slide.
    void tell_project(const Upload& upload, const json::Object& content, TimePoint now);
    /// The slide's study, series and finished transfer in INCOMING, under its new UIDs: there are no others.
    void tell_incoming(const Upload& upload, const UploadState& state, TimePoint now);

private:
    struct Project;
    using Values = std::map<std::string, std::string, std::less<>>;

    Project& open(const ProjectName& name);
    [[nodiscard]] std::filesystem::path locks() const;
    static void write_instance(Project& project, const redcap::Row& place, const Values& values,
                               TimePoint now);
    static void write_base(Project& project, const redcap::Row& place, const Values& values);

    const Config& m_config;
    routing::Redcaps& m_redcaps;
    std::optional<redcap::ProjectTokens> m_tokens;
    std::vector<redcap::ResearchProject> m_known;
    std::map<std::string, std::shared_ptr<Project>> m_projects;
};

} // namespace fiona::wsi
