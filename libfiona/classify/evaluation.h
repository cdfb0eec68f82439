// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/classify/rule_model.h"
#include "libfiona/classify/rules.h"
#include "libfiona/classify/siemens.h"

#include <map>

namespace fiona::classify {

/// One pass of the rules over one image. Keeps references to all it is given.
class Evaluation {
public:
    Evaluation(const RuleModel& model, const dicom::Header& header,
               const json::Object& series_fields);

    [[nodiscard]] Classification run();

private:
    [[nodiscard]] bool holds(const RuleObject& object);
    [[nodiscard]] bool all_hold(const RuleObject& object);
    [[nodiscard]] bool holds(const Condition& condition);
    [[nodiscard]] std::optional<TagValue> find(const TagReference& reference);
    [[nodiscard]] std::optional<TagValue> find_attribute(const TagReference& reference);
    [[nodiscard]] std::optional<TagValue> whole_attribute(const TagReference& reference);

    const RuleModel& m_model;
    const dicom::Header& m_header;
    SiemensImage m_siemens;
    const json::Object& m_fields;
    Classification m_result;
    std::map<dicom::Tag, std::optional<TagValue>> m_seen; ///< attributes already decoded
};

} // namespace fiona::classify
