// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/client.h"

#include <optional>
#include <string>
#include <vector>

/// DataTransferProjects (share/redcap/dtp.csv) and the research projects' own ones (research-project.csv).
namespace fiona::redcap {

/// Form rewritepixelexclusions: where the value of this tag begins with a match of the pattern, burned-in
/// text is not looked for.
struct PixelExclusion {
    std::string tag;     ///< "gggg,eeee"
    std::string pattern; ///< RE2; anchored at the start only, as Python's re.match
};

struct ResearchProject {
    ProjectName name;
    bool active = false;
    std::string participant_pattern;           ///< project_patient_naming
    std::optional<Private<std::string>> token; ///< project_token; never logged, never stored
    bool remove_presentation_states = false;   ///< project_features 0
    bool never_rewrite_pixels = false;         ///< project_features 1
    bool remove_secondary_captures = false;    ///< project_features 2
    std::string import_rule_tag;               ///< project_import_rule_1_tag, e.g. "0032,4000"
    std::string import_rule_regexp;
    std::vector<PixelExclusion> pixel_exclusions{};
    /// project_autoid_aetitle; "" unless project_use_autoid.
    std::string autoid_aetitle{};
};

/// Tokens are nowhere but in REDCap: with them the projects cost a call, without them a client with
/// a copy has them at hand.
enum class Tokens { with, without };
/// Every project of DTP, active or not. Accepts the classic and the longitudinal shape.
[[nodiscard]] std::vector<ResearchProject> research_projects(Client& dtp,
                                                             Tokens tokens = Tokens::with);
/// The tokens of research projects, asked for once, when the first is needed.
class ProjectTokens {
public:
    /// `dtp` is borrowed.
    explicit ProjectTokens(Client& dtp) : m_dtp{dtp} {}
    /// Throws Error{Fault::config} if the project has none.
    [[nodiscard]] const Private<std::string>& of(const ProjectName& project);

private:
    Client& m_dtp;
    std::optional<std::vector<ResearchProject>> m_projects;
};

/// Throws Error{Fault::missing} naming the project and how to list them if there is none.
[[nodiscard]] ResearchProject research_project(Client& dtp, const ProjectName& name);

/// Record ids of PROJECT(x), natural order.
[[nodiscard]] std::vector<std::string> participants(Client& project);
/// Throws Error{Fault::data} with the reason: not the whole pattern matches (RE2, anchored both
/// ends; an empty or invalid pattern refuses everything), or an 11-digit national id is inside.
void check_participant_pattern(const ParticipantId& participant, std::string_view pattern);
/// The event by label or unique name; "" stays "". Throws Error{Fault::data} listing the labels.
[[nodiscard]] std::string event_label(Client& project, const std::string& label_or_unique_name);
/// Creates the record in its first event (or `event_label`) and reads it back; an existing one
/// (compared without case) is Error{Fault::data}.
void add_participant(Client& project, const ParticipantId& participant,
                     const std::string& event_label);

} // namespace fiona::redcap
