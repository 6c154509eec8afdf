//! Names in a syntax tree: objects, calls, changed columns and TimescaleDB's options.

use squawk_syntax::ast::{self, AstNode, normalize_name_node};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::analysis::{ColumnChange, ColumnChangeKind, ObjectAction, ObjectKind, ObjectRef, TimescaleOption};
use crate::call::{Argument, Call};
use crate::lock::contains;
use crate::name::QualifiedName;
use crate::tree::{Facts, Place, is_statement};

/// Adds what `root` names to `facts`.
pub(crate) fn collect(root: &SyntaxNode, place: Place<'_>, facts: &mut Facts) {
    let ctes: Vec<_> = root
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::CTE_NAME)
        .map(|node| normalize_name_node(&node))
        .collect();
    for node in root.descendants() {
        if let Some(object) = object(&node, place)
            && !is_cte(&object, &ctes)
        {
            facts.objects.push(object);
        } else if let Some(call) = call(&node, place) {
            facts.calls.push(call);
        } else if let Some(change) = column_change(&node, place) {
            facts.changes.push(change);
        } else if let Some(option) = timescale_option(&node, place) {
            facts.timescale_options.push(option);
        }
    }
}

fn is_cte(object: &ObjectRef, ctes: &[String]) -> bool {
    object.kind == ObjectKind::Relation && object.name.schema.is_none() && ctes.contains(&object.name.name)
}

fn object(node: &SyntaxNode, place: Place<'_>) -> Option<ObjectRef> {
    let (kind, defines) = object_kind(node)?;
    let parent = node.parent()?;
    let into_variable = parent.kind() == SyntaxKind::INTO_CLAUSE && in_plpgsql(node);
    if into_variable {
        return None;
    }
    let action = if defines { ObjectAction::Create } else { action_on(node) };
    Some(ObjectRef { kind, name: name_of(node)?, action, range: place(node.text_range()) })
}

fn in_plpgsql(node: &SyntaxNode) -> bool {
    node.ancestors().last().is_some_and(|it| it.kind() == SyntaxKind::PLPGSQL)
}

/// The kind of object that a node names, and whether it is a new name.
fn object_kind(node: &SyntaxNode) -> Option<(ObjectKind, bool)> {
    use ObjectKind as O;
    use SyntaxKind as K;
    let new = |kind| Some((kind, true));
    let old = |kind| Some((kind, false));
    match node.kind() {
        K::RELATION_NAME_REF => old(O::Relation),
        K::TABLE_NAME => new(O::Table),
        K::TABLE_NAME_REF => old(O::Table),
        K::INDEX => new(O::Index),
        K::INDEX_REF => old(O::Index),
        K::VIEW => new(view_kind(node)),
        K::VIEW_REF => old(view_kind(node)),
        K::SEQUENCE => new(O::Sequence),
        K::SEQUENCE_REF => old(O::Sequence),
        K::FUNCTION_NAME => new(O::Function),
        K::FUNCTION_NAME_REF | K::ROUTINE_NAME_REF => old(O::Function),
        K::PROCEDURE_NAME => new(O::Procedure),
        K::PROCEDURE_NAME_REF => old(O::Procedure),
        K::TYPE_NAME | K::DOMAIN => new(O::Type),
        K::TYPE_NAME_REF | K::DOMAIN_REF => old(O::Type),
        K::SCHEMA => new(O::Schema),
        K::SCHEMA_REF => old(O::Schema),
        K::TRIGGER => new(O::Trigger),
        K::TRIGGER_REF => old(O::Trigger),
        K::POLICY => new(O::Policy),
        K::POLICY_REF => old(O::Policy),
        K::RULE => new(O::Rule),
        K::RULE_REF => old(O::Rule),
        K::ROLE => new(O::Role),
        K::ROLE_NAME_REF => old(O::Role),
        K::DATABASE => new(O::Database),
        K::DATABASE_REF => old(O::Database),
        K::EXTENSION => new(O::Extension),
        K::EXTENSION_REF => old(O::Extension),
        K::SERVER => new(O::Server),
        K::SERVER_REF => old(O::Server),
        K::PUBLICATION => new(O::Publication),
        K::PUBLICATION_REF => old(O::Publication),
        K::SUBSCRIPTION => new(O::Subscription),
        K::SUBSCRIPTION_REF => old(O::Subscription),
        _ => None,
    }
}

fn view_kind(node: &SyntaxNode) -> ObjectKind {
    let statement = node.ancestors().find(is_statement);
    let materialized = statement.is_some_and(|it| {
        it.kind() == SyntaxKind::REFRESH
            || it.children_with_tokens().any(|child| child.kind() == SyntaxKind::MATERIALIZED_KW)
    });
    if materialized { ObjectKind::MaterializedView } else { ObjectKind::View }
}

/// Altered or dropped, if the statement is about this object itself; else used.
fn action_on(node: &SyntaxNode) -> ObjectAction {
    let mut at = node.clone();
    while let Some(parent) = at.parent() {
        if is_statement(&parent) {
            let verb = parent.first_token().map(|token| token.kind());
            return match verb {
                Some(SyntaxKind::DROP_KW) => ObjectAction::Drop,
                Some(SyntaxKind::ALTER_KW) => ObjectAction::Alter,
                _ => ObjectAction::Use,
            };
        }
        let wraps = matches!(
            parent.kind(),
            SyntaxKind::RELATION_NAME
                | SyntaxKind::TABLE_RELATION_NAME
                | SyntaxKind::FUNCTION_SIG
                | SyntaxKind::FUNCTION_SIG_LIST
                | SyntaxKind::PROCEDURE_SIG
                | SyntaxKind::PROCEDURE_SIG_LIST
                | SyntaxKind::ROUTINE_SIG
                | SyntaxKind::ROUTINE_SIG_LIST
                | SyntaxKind::ROLE_REF
        );
        if !wraps {
            break;
        }
        at = parent;
    }
    ObjectAction::Use
}

/// The name in a node: the segments of its path, or its only token.
fn name_of(node: &SyntaxNode) -> Option<QualifiedName> {
    let segments: Vec<_> = node
        .descendants()
        .filter(|inside| matches!(inside.kind(), SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF))
        .map(|segment| normalize_name_node(&segment))
        .collect();
    if segments.is_empty() {
        let name = normalize_name_node(node);
        return (!name.is_empty()).then_some(QualifiedName { schema: None, name });
    }
    QualifiedName::from_parts(segments)
}

fn call(node: &SyntaxNode, place: Place<'_>) -> Option<Call> {
    let (name, arguments) = if let Some(call) = ast::CallExpr::cast(node.clone()) {
        (called_name(&call.expr()?)?, call.arg_list())
    } else {
        let call = ast::Call::cast(node.clone())?;
        (name_of(call.procedure_name_ref()?.syntax())?, call.arg_list())
    };
    let arguments =
        arguments.iter().flat_map(ast::ArgList::args).map(|argument| read_argument(argument.syntax())).collect();
    Some(Call { name, arguments, range: place(node.text_range()) })
}

fn called_name(expression: &ast::Expr) -> Option<QualifiedName> {
    match expression {
        ast::Expr::NameRef(name) => name_of(name.syntax()),
        ast::Expr::FieldExpr(field) => {
            let names = field.syntax().descendants();
            let parts = names
                .filter(|node| node.kind() == SyntaxKind::NAME_REF)
                .map(|node| normalize_name_node(&node))
                .collect();
            QualifiedName::from_parts(parts)
        }
        _ => None,
    }
}

fn read_argument(node: &SyntaxNode) -> Argument {
    let named = node.children().find_map(ast::NamedArg::cast);
    let name = named.as_ref().and_then(ast::NamedArg::name);
    let value = named.as_ref().map_or(node, AstNode::syntax);
    let literal = value.children().find_map(ast::Literal::cast);
    let expression = value.last_child().unwrap_or_else(|| node.clone());
    Argument {
        name: name.map(|it| normalize_name_node(it.syntax())),
        string: literal.and_then(|it| it.string_value()),
        text: expression.text().to_string(),
    }
}

fn column_change(node: &SyntaxNode, place: Place<'_>) -> Option<ColumnChange> {
    use ColumnChangeKind as C;
    use SyntaxKind as K;
    let kind = match node.kind() {
        K::ADD_COLUMN => C::Add {
            not_null: contains(node, K::NOT_NULL_CONSTRAINT) || contains(node, K::PRIMARY_KEY_CONSTRAINT),
            filled: contains(node, K::DEFAULT_CONSTRAINT) || contains(node, K::GENERATED_CONSTRAINT) || is_serial(node),
        },
        K::DROP_COLUMN => C::Drop,
        K::RENAME_COLUMN => C::Rename,
        K::ALTER_COLUMN if contains(node, K::SET_TYPE) => C::SetType,
        K::ALTER_COLUMN if contains(node, K::SET_NOT_NULL) => C::SetNotNull,
        _ => return None,
    };
    let table = node.parent()?.children().find_map(ast::TableRelationName::cast)?;
    let column = node.children().find(|child| matches!(child.kind(), K::COLUMN_NAME | K::COLUMN_NAME_REF))?;
    Some(ColumnChange {
        table: name_of(table.table_name_ref()?.syntax())?,
        column: normalize_name_node(&column),
        kind,
        range: place(node.text_range()),
    })
}

fn is_serial(column: &SyntaxNode) -> bool {
    let types = column.children().filter(|it| it.kind() == SyntaxKind::PATH_TYPE);
    types.map(|it| it.text().to_string().to_ascii_lowercase()).any(|name| name.contains("serial"))
}

/// An option of TimescaleDB, in a WITH or SET list.
fn timescale_option(node: &SyntaxNode, place: Place<'_>) -> Option<TimescaleOption> {
    let option = ast::AttributeOption::cast(node.clone())?;
    let namespace = normalize_name_node(option.namespace()?.syntax());
    let name = normalize_name_node(option.name()?.syntax());
    let text = node.text().to_string();
    let value = text.split_once('=').map(|(_, value)| value.trim().trim_matches('\'').replace("''", "'"));
    let known = matches!(namespace.as_str(), "timescaledb" | "tsdb");
    known.then(|| TimescaleOption { namespace, name, value, range: place(node.text_range()) })
}
