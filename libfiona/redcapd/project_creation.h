// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/form_data.h"
#include "libfiona/redcapd/odm.h"

#include <string>

/// Projects made by a call with a super token, or of an ODM document. The transaction is the
/// caller's.
namespace fiona::redcapd {

struct MadeProject {
    std::string name;
    Private<std::string> token;
};

/// A project with what the document holds, and a token with all rights for `account`. Its name is
/// its title, with a number if that is taken. Throws Refusal{400} for values that do not follow the
/// document's own dictionary.
[[nodiscard]] MadeProject store_odm_project(Database& database, OdmProject project,
                                            const std::string& account, TimePoint now);

struct SentProject {
    Answer answer; ///< the token, as text
    std::string project;
};

/// content=project with `data` (project_title and settings) and perhaps `odm`.
[[nodiscard]] SentProject create_sent_project(Database& database, const FormData& form,
                                              const std::string& account, TimePoint now);

} // namespace fiona::redcapd
